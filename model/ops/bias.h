/* Owns: the biases of linear layers, forward and backward.
 * Does not own: whether a model has them (model/model.c), the products before them (model/linear.c). */
#ifndef SINKLAB_BIAS_H
#define SINKLAB_BIAS_H

#include <stdint.h>

/* y[n] += b. y (N, width), b (width). */
void bias_forward(float *y, const float *b, int64_t N, int64_t width);
/* db += sum over tokens of dy[n]. partial: (strips, width). */
void bias_backward(const float *dy, float *db, float *partial, int B, int T, int64_t width);

#endif
