#include "model/ops/ops.h"
#include "model/ops/rmsnorm.h"

#include <math.h>

void pre_affine_row(const Ctx *c, const float *x, float *h, float *stat) {
    int width = c->d;
    const float *gain = c->w[0], *lambda = gain + width;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < width; i++) sum += lambda[i] * x[i] * (lambda[i] * x[i]);
    float r = *stat = 1.0f / sqrtf(sum / (float)width + c->eps);
    for (int i = 0; i < width; i++) h[i] = gain[i] * (lambda[i] * x[i] * r);
}

/* forward: h = g z r, z = lambda x   so   dz as of RMSNorm, dx = lambda dz, dlambda = x dz */
void pre_affine_row_back(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx,
                         float *dg) {
    int width = c->d;
    const float *g = c->w[0], *lambda = g + width;
    float dot = 0, r = *stat, *dlambda = dg + width;
#pragma omp simd reduction(+ : dot)
    for (int i = 0; i < width; i++) dot += dh[i] * g[i] * (lambda[i] * x[i]);
    float along = rms_along(dot, r, width);
    for (int i = 0; i < width; i++) {
        float z = lambda[i] * x[i], dz = rms_back(z, g[i], dh[i], r, along);
        dx[i] += lambda[i] * dz;
        dlambda[i] += x[i] * dz;
        dg[i] += rms_gain_back(z, dh[i], r);
    }
}
