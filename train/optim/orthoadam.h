/* Owns: OrthoAdam (arXiv 2410.17174): Adam on gradients turned into a random orthogonal basis, a
 * different one for each tensor, and its steps turned back: no channel of the model is an axis of the
 * optimiser, so Adam's step a coordinate cannot single one out.
 * Does not own: the memory of the bases, made once a run, and which tensors decay (train/optim/optim.c). */
#ifndef SINKLAB_ORTHOADAM_H
#define SINKLAB_ORTHOADAM_H

#include "train/optim/optim.h"

/* Each row x of a matrix (a vector is one row) is turned by Q of its n = cols numbers. A dense Q costs
 * n^2 a row; here Q = P (x) R, P (a, a) and R (b, b) random orthogonal, a b = n, a the divisor of n nearest
 * below its root: with x as X (a, b), Q x = P X R^T at n (a + b), and every coordinate still mixes with all.
 * g' = Q scale g; m, v as Adam's of g'; w = w - lr decay w - lr Q^T (Adam's step) */
void orthoadam_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                      float *const state[OPTIM_STATES]);
size_t orthoadam_fixed(const Tensor *t);
size_t orthoadam_scratch(const Tensor *t);
/* fixed: P (a, a), R (b, b), a function of (seed, the tensor's name). */
void orthoadam_prepare(const Tensor *t, uint64_t seed, float *fixed);

#endif
