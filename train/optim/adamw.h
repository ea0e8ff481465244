/* Owns: AdamW (arXiv 1711.05101, algorithm 2), one threaded pass over weight, gradient and state.
 * Does not own: lr (train/optim/schedule.h), scale, which clips, and which tensors decay (train/optim/optim.c). */
#ifndef SINKLAB_ADAMW_H
#define SINKLAB_ADAMW_H

#include "train/optim/optim.h"

/* g' = scale g; m = b1 m + (1 - b1) g'; v = b2 v + (1 - b2) g'^2
 * w = w - lr decay w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) */
void adamw_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                  float *const state[OPTIM_STATES]);

#endif
