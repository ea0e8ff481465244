/* Owns: gradient descent with momentum, as PyTorch's SGD, its weight decay decoupled.
 * Does not own: lr (train/optim/schedule.h), scale, which clips, and which tensors decay (train/optim/optim.c). */
#ifndef SINKLAB_SGD_H
#define SINKLAB_SGD_H

#include "train/optim/optim.h"

/* g' = scale g; m = b1 m + g'; w = w - lr decay w - lr m */
void sgd_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                float *const state[OPTIM_STATES]);

#endif
