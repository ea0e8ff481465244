/* Owns: head-wise RMSNorm of attention's output (arXiv 2605.06611): each
 * head's aggregated value is divided by its RMS and scaled by one gain vector that all heads share. */
#ifndef SINKLAB_HEAD_RMSNORM_H
#define SINKLAB_HEAD_RMSNORM_H

#include <stdint.h>

/* y[n][h][i] = gain[i] o[n][h][i] / rms(o[n][h]); o, y: (N, H, dh), gain: (dh). */
void head_rmsnorm_forward(const float *o, const float *gain, float *y, int64_t N, int H, int dh);

/* dy in place to do; dgain (dh) += sum over tokens and heads. partial: (strips, dh). */
void head_rmsnorm_backward(const float *o, const float *gain, float *dy, float *dgain, float *partial, int B,
                           int T, int H, int dh);

#endif
