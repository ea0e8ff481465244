/* Owns: dynamic tanh (arXiv 2503.10622), a norm's place taken by a function of each number alone,
 * forward and backward. Does not own: where norms stand (norm.c). */
#ifndef SINKLAB_DYT_H
#define SINKLAB_DYT_H

#include <stdint.h>

/* h = g tanh(a x) + b. x, h: (N, width); gain: (2 width + 1): g, b, then a, one slope for all. */
void dyt_forward(const float *x, const float *gain, float *h, int64_t N, int width);

/* dx += the gradient through it; dgain (2 width + 1) += sums over tokens. partial: (strips, 2 width + 1). */
void dyt_backward(const float *x, const float *gain, const float *dh, float *dx, float *dgain, float *partial,
                  int B, int T, int width);

#endif
