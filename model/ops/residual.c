#include "model/ops/ops.h"

void residual_add(float *out, const float *a, const float *b, int64_t n) {
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++) out[i] = a[i] + b[i];
}

void residual_clip(float *x, float c, int64_t n) {
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++) x[i] = x[i] > c ? c : x[i] < -c ? -c : x[i]; /* NaN stays NaN */
}

void residual_clip_backward(const float *y, float c, float *dy, int64_t n) {
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++) dy[i] = y[i] < c && y[i] > -c ? dy[i] : 0;
}
