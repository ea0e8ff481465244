/* Owns: Lion (arXiv 2302.06675): every weight moves by lr, in the direction of the momentum's sign.
 * Does not own: lr (train/optim/schedule.h), scale, which clips, and which tensors decay (train/optim/optim.c). */
#ifndef SINKLAB_LION_H
#define SINKLAB_LION_H

#include "train/optim/optim.h"

/* g' = scale g; w = w - lr decay w - lr sign(b1 m + (1 - b1) g'); m = b2 m + (1 - b2) g' */
void lion_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                 float *const state[OPTIM_STATES]);

#endif
