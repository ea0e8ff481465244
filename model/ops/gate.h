/* Owns: the gate on attention's heads, y = o * sigma(a): one gate a float of o (element-wise), or one a head
 * (arXiv 2505.06708; from the values: 2510.09017). Does not own: a, a linear function of the token
 * (model/gated_heads.c), which gates there are (head_out.c). */
#ifndef SINKLAB_GATE_H
#define SINKLAB_GATE_H

#include <stdint.h>

/* g in place from a to sigma(a), n floats. */
void gate_open(float *g, int64_t n);
/* y (N, H, dh) = o * g; g (N, H, gates), gates = dh or 1. y may be o. */
void gate_forward(const float *o, const float *g, float *y, int64_t N, int H, int dh, int gates);
/* dy in place to do; g in place to the gradient of a. */
void gate_backward(const float *o, float *g, float *dy, int64_t N, int H, int dh, int gates);

#endif
