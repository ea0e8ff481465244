/* Owns: LayerNorm (arXiv 1607.06450) of rows of a matrix, forward and backward.
 * Does not own: where norms stand (norm.c). */
#ifndef SINKLAB_LAYERNORM_H
#define SINKLAB_LAYERNORM_H

#include <stdint.h>

#define LAYERNORM_EPS 1e-5f /* under the root */

/* h[n] = g (x[n] - mean x[n]) / sqrt(var x[n] + eps) + b. x, h: (N, width); gain: (2, width): g, b;
 * stat: (2, N): mean, 1 / root. */
void layernorm_forward(const float *x, const float *gain, float *h, float *stat, int64_t N, int width);

/* dx += the gradient through the norm; dgain (2, width) += sums over tokens. partial: (strips, 2 width). */
void layernorm_backward(const float *x, const float *gain, const float *stat, const float *dh, float *dx,
                        float *dgain, float *partial, int B, int T, int width);

#endif
