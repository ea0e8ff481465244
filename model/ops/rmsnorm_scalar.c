#include "model/ops/rmsnorm_scalar.h"

#include "model/ops/rmsnorm.h"
#include "model/ops/strips.h"

void rmsnorm_scalar_forward(const float *x, const float *gain, float *h, float *rstd, int64_t N, int width) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++) {
        float r = rms_reciprocal(x + n * width, width), scale = *gain * r;
        for (int64_t i = n * width; i < (n + 1) * width; i++) h[i] = scale * x[i];
        rstd[n] = r;
    }
}

/* forward: h = g x r, r = (mean x^2 + eps)^-1/2
 * so       dx = g r (dh - x r^2 mean(dh x)), dg = r sum dh x */
static float backward_row(const float *x, float g, float r, const float *dh, float *dx, int width) {
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int i = 0; i < width; i++) dot += dh[i] * x[i];
    float c = dot / (float)width * r * r;
    for (int i = 0; i < width; i++) dx[i] += g * r * (dh[i] - x[i] * c);
    return r * dot;
}

void rmsnorm_scalar_backward(const float *x, const float *gain, const float *rstd, const float *dh, float *dx,
                             float *dgain, float *partial, int B, int T, int width) {
    int strips = strips_count(B, T);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < strips; s++) {
        int64_t n0, n1;
        strip_range(s, T, &n0, &n1);
        partial[s] = 0;
        for (int64_t n = n0; n < n1; n++)
            partial[s] += backward_row(x + n * width, *gain, rstd[n], dh + n * width, dx + n * width, width);
    }
    strips_add(partial, strips, 1, dgain);
}
