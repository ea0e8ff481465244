/* Owns: the linear layers Y = X W^T + b inside a pass: their three products, how a sum over tokens is cut,
 * their time. Does not own: the kernels (model/gemm.h). */
#ifndef SINKLAB_LINEAR_H
#define SINKLAB_LINEAR_H

#include "model/block.h"

typedef struct Linear {
    LinearKind kind;
    const float *w, *b; /* (out, in), (out); b NULL: no biases */
    float *dw, *db;     /* their gradients; NULL: forward only */
    int64_t in, out;
} Linear;

/* n tokens of X (n, in), Y (n, out). */
void linear_forward(const Pass *p, const Linear *l, int64_t n, const float *X, float *Y);
/* dX = dY W, overwritten. */
void linear_inputs(const Pass *p, const Linear *l, int64_t n, const float *dY, float *dX);
/* dW += dY^T X, a grain of rows at a time, in row order; db += sum dY (n is then the whole pass). */
void linear_weights(const Pass *p, const Linear *l, int64_t n, const float *dY, const float *X);

#endif
