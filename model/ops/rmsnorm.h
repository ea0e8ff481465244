/* Owns: the core of every RMSNorm: of rows of the stream (rmsnorm.c, rmsnorm_scalar.c) and of heads
 * (head_rmsnorm.c). Does not own: their loops, and the order in which each sums g dy x. */
#ifndef SINKLAB_RMSNORM_H
#define SINKLAB_RMSNORM_H

/* r = 1 / rms = (mean x^2 + eps)^-1/2 of `width` floats. */
float rms_reciprocal(const float *x, int width, float eps);

/* forward: y = g x r
 * so       dx = r (g dy - x c), c = r^2 mean(g dy x), and dg = dy x r
 * of one channel. A gain that all channels share stands outside: g = 1, scale = gain r. */
static inline float rms_back(float x, float g, float dy, float scale, float c) {
    return scale * (g * dy - x * c);
}
static inline float rms_gain_back(float x, float dy, float r) {
    return dy * (x * r);
}
/* c, from the sum over the channels. */
static inline float rms_along(float sum, float r, int width) {
    return sum / (float)width * r * r;
}

#endif
