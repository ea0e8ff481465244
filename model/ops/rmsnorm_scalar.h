/* Owns: RMSNorm with one gain for all channels (single-scale RMSNorm, arXiv 2506.19697), forward and
 * backward: no channel can be favoured by the norm. Does not own: where norms stand (norm.c). */
#ifndef SINKLAB_RMSNORM_SCALAR_H
#define SINKLAB_RMSNORM_SCALAR_H

#include <stdint.h>

/* h[n] = gain x[n] / rms(x[n]); rstd[n] = 1 / rms. x, h: (N, width); gain: one float. */
void rmsnorm_scalar_forward(const float *x, const float *gain, float *h, float *rstd, int64_t N, int width);

/* dx += the gradient through the norm; dgain += sum over tokens. partial: (strips). */
void rmsnorm_scalar_backward(const float *x, const float *gain, const float *rstd, const float *dh, float *dx,
                             float *dgain, float *partial, int B, int T, int width);

#endif
