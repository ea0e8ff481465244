/* Owns: head-wise RMSNorm of attention's output (arXiv 2605.06611): each
 * head's aggregated value is divided by its RMS and scaled by a gain vector, one that all heads share or one
 * a head. Does not own: what the gain begins at (model/init.c), the gate behind it (gate.h). */
#ifndef SINKLAB_HEAD_RMSNORM_H
#define SINKLAB_HEAD_RMSNORM_H

#include <stdint.h>

/* y[n][h][i] = gain[g][i] o[n][h][i] / rms(o[n][h]); o, y: (N, H, dh), gain: (gains, dh), gains = 1 shared by
 * the heads (g = 0), or H (g = h). */
void head_rmsnorm_forward(const float *o, const float *gain, float *y, int64_t N, int H, int dh, int gains);

/* dy in place to do; dgain += sum over tokens and, when shared, heads. partial: (strips, gains dh). */
void head_rmsnorm_backward(const float *o, const float *gain, float *dy, float *dgain, float *partial, int B,
                           int T, int H, int dh, int gains);

#endif
