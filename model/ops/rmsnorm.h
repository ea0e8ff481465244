/* Owns: RMSNorm (arXiv 1910.07467) of rows of a matrix, forward and backward.
 * Does not own: where norms stand (norm.c), the norms of heads (head_rmsnorm.h, qk_rmsnorm.h). */
#ifndef SINKLAB_RMSNORM_H
#define SINKLAB_RMSNORM_H

#include <stdint.h>

#define RMSNORM_EPS 1e-5f /* under the root */

/* h[n][i] = gain[i] x[n][i] / rms(x[n]); rstd[n] = 1 / rms. x, h: (B*T, width). */
void rmsnorm_forward(const float *x, const float *gain, float *h, float *rstd, int64_t N, int width);

/* dx += the gradient through the norm; dgain += sum over tokens. partial: (strips, width). */
void rmsnorm_backward(const float *x, const float *gain, const float *rstd, const float *dh, float *dx,
                      float *dgain, float *partial, int B, int T, int width);

/* One vector of w floats, used by head-wise norms too: returns 1 / rms. */
float rms_reciprocal(const float *x, int width);

#endif
