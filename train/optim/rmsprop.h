/* Owns: RMSProp (Hinton 2012, lecture 6e): Adam without its momentum.
 * Does not own: lr (train/optim/schedule.h), scale, which clips, and which tensors decay (train/optim/optim.c). */
#ifndef SINKLAB_RMSPROP_H
#define SINKLAB_RMSPROP_H

#include "train/optim/optim.h"

/* g' = scale g; v = b2 v + (1 - b2) g'^2; w = w - lr decay w - lr g' / (sqrt(v / (1 - b2^t)) + eps)
 * The mean square is corrected for its start at zero, as Adam's is: at b2 = 0.95 the first steps would
 * otherwise be over four times as long as the later ones. */
void rmsprop_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                    float *const state[OPTIM_STATES]);

#endif
