/* Owns: the arithmetic of penalties on first keys (SinkPenalty, model/model.h): from the weights on first
 * keys that the forward kept to what the backward adds to their gradients. Does not own: the weights
 * (model/ops/attention.c), the coefficient (train/). */
#ifndef SINKLAB_PENALTY_H
#define SINKLAB_PENALTY_H

#include "model/block.h"

/* Room for block l's weights on first keys, (B, H, T); NULL without a penalty. */
float *penalty_masses(const Pass *p, int l);
/* The slopes of block l, (B, H, 2), where the forward has been: by a weight on a first key of a document's
 * first query, and of any other query; NULL without a penalty. */
const float *penalty_d_mass(const Pass *p, int l);
/* Of row r, layer l, head h, n queries but the first of their document, m the mean of the gates over heads:
 * d/dA share c (M - target)^2 = 2 share c (M - target) / (L H T), and but for first queries
 * d/dA share balance sum_h (G_h - m)^2 / m^2
 *     = -(share balance / n) (2 (G_h - m) / m^2 - 2 sum_k (G_k - m)^2 / (H m^3)). */
void penalty_slopes(const Pass *p);
/* None, for a backward that leaves the penalty out. */
void penalty_forget(const Pass *p);

#endif
