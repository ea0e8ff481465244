/* Owns: QK-norm (arXiv 2302.05442, as RMSNorm in Qwen3): each head's query and key divided by its RMS, times
 * a gain that the heads share, one for queries and one for keys; before position.
 * Does not own: where in a token's row queries and keys lie (qk.c). */
#ifndef SINKLAB_QK_RMSNORM_H
#define SINKLAB_QK_RMSNORM_H

#include <stdint.h>

/* x (N, ld): H vectors of dh in place, x <- gain x / rms(x); raw (N, H, dh) keeps what they were. */
void qk_rmsnorm_forward(float *x, int64_t ld, const float *gain, float *raw, int64_t N, int H, int dh);
/* dx in place; dgain (dh) += sum over tokens and heads. partial: (strips, dh). */
void qk_rmsnorm_backward(float *dx, int64_t ld, const float *gain, const float *raw, float *dgain,
                         float *partial, int B, int T, int H, int dh);

#endif
