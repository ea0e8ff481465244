#include "model/ops/ops.h"
#include "model/ops/rmsnorm.h"

void rmsnorm_scalar_row(const Ctx *c, const float *x, float *h, float *stat) {
    float r = *stat = rms_reciprocal(x, c->d, c->eps), scale = *c->w[0] * r;
    for (int i = 0, width = c->d; i < width; i++) h[i] = scale * x[i];
}

void rmsnorm_scalar_row_back(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx,
                             float *dg) {
    float dot = 0, r = *stat, g = *c->w[0];
    int width = c->d;
#pragma omp simd reduction(+ : dot)
    for (int i = 0; i < width; i++) dot += dh[i] * x[i];
    float along = rms_along(dot, r, width);
    for (int i = 0; i < width; i++) dx[i] += rms_back(x[i], 1, dh[i], g * r, along);
    *dg += r * dot;
}
