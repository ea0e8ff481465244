#include "model/ops/rmsnorm.h"

#include "model/kernels/vec.h"
#include "model/ops/ops.h"

#include <math.h>

float rms_reciprocal(const float *x, int width, float eps) {
    vf sum = {0};
    int i = 0;
    for (; i + VW <= width; i += VW) {
        vf v = vf_load(x + i);
        sum += v * v;
    }
    float s = vf_sum(sum);
    for (; i < width; i++) s += x[i] * x[i];
    return 1.0f / sqrtf(s / (float)width + eps);
}

void rmsnorm_row(const Ctx *c, const float *x, float *h, float *stat) {
    const float *gain = c->w[0], r = *stat = rms_reciprocal(x, c->d, c->eps);
    for (int i = 0, width = c->d; i < width; i++) h[i] = gain[i] * (x[i] * r);
}

void rmsnorm_row_back(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx,
                      float *dg) {
    const float *g = c->w[0];
    vf sum = {0};
    int i = 0, width = c->d;
    for (; i + VW <= width; i += VW) sum += vf_load(dh + i) * vf_load(g + i) * vf_load(x + i);
    float dot = vf_sum(sum), r = *stat;
    for (; i < width; i++) dot += dh[i] * g[i] * x[i];
    float along = rms_along(dot, r, width);
    for (i = 0; i < width; i++) {
        dx[i] += rms_back(x[i], g[i], dh[i], r, along);
        dg[i] += rms_gain_back(x[i], dh[i], r);
    }
}
