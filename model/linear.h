/* Owns: the linear layers Y = X W^T + b inside a pass: which tensors they are, their three products, how a
 * sum over tokens is cut, their time. Does not own: the kernels (model/kernels/gemm.h,
 * model/kernels/gemm_bf16.h). */
#ifndef SINKLAB_LINEAR_H
#define SINKLAB_LINEAR_H

#include "model/layers.h"
#include "model/stage.h"

/* n tokens of X (n, in), Y (n, out) in rows of ld. */
void linear_forward(const Pass *p, const Linear *l, int64_t n, const float *X, float *Y);
/* dX = dY W, overwritten. */
void linear_inputs(const Pass *p, const Linear *l, int64_t n, const float *dY, float *dX);
/* dW += dY^T X, a chunk of rows at a time, in row order; db += sum dY (n is then the whole pass). */
void linear_weights(const Pass *p, const Linear *l, int64_t n, const float *dY, const float *X);

#endif
