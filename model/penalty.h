/* Owns: the sink penalty's arithmetic (SinkPenalty, model/model.h): from the weights on first keys that
 * the forward kept to what the backward adds to their gradients. Does not own: the weights
 * (model/ops/attention.c), the coefficient (train/). */
#ifndef SINKLAB_PENALTY_H
#define SINKLAB_PENALTY_H

#include "model/block.h"

/* Room for block l's weights on first keys, (B, H, T); NULL without a penalty. */
float *penalty_masses(const Pass *p, int l);
/* push[r] = d/dA share c (M_r - target)^2 = 2 share c (M_r - target) / (L H T), A any weight of row r. */
void penalty_slopes(const Pass *p);

#endif
