/* Owns: the linear layers Y = X W^T + b inside a pass: which tensors they are, their three products, how a
 * sum over tokens is cut, their time. Does not own: the kernels (model/kernels/gemm.h, model/kernels/gemm_bf16.h). */
#ifndef SINKLAB_LINEAR_H
#define SINKLAB_LINEAR_H

#include "model/block.h"

typedef struct Linear {
    LinearKind kind;
    int layer;           /* 0 for the classifier */
    const Tensor *w, *b; /* the first of adjacent tensors that are one (out, in), (out); b NULL: no biases */
    int64_t in, out, ld; /* ld: floats from one token of Y to the next */
} Linear;

Linear linear_of(const Model *m, LinearKind kind, int layer);

/* n tokens of X (n, in), Y (n, out) in rows of ld. */
void linear_forward(const Pass *p, const Linear *l, int64_t n, const float *X, float *Y);
/* dX = dY W, overwritten. */
void linear_inputs(const Pass *p, const Linear *l, int64_t n, const float *dY, float *dX);
/* dW += dY^T X, a grain of rows at a time, in row order; db += sum dY (n is then the whole pass). */
void linear_weights(const Pass *p, const Linear *l, int64_t n, const float *dY, const float *X);

#endif
