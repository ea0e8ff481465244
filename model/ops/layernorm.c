#include "model/ops/ops.h"

#include <math.h>

/* stat: mean, 1 / root. Two passes: the squares of what is left, so that a large mean costs no digits. */
static void row_stats(const float *x, int width, float eps, float *stat) {
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < width; i++) sum += x[i];
    float m = sum / (float)width;
#pragma omp simd reduction(+ : squares)
    for (int i = 0; i < width; i++) squares += (x[i] - m) * (x[i] - m);
    stat[0] = m;
    stat[1] = 1.0f / sqrtf(squares / (float)width + eps);
}

void layernorm_row(const Ctx *c, const float *x, float *h, float *stat) {
    int width = c->d;
    row_stats(x, width, c->eps, stat);
    const float *gain = c->w[0], *bias = gain + width, mean = stat[0], r = stat[1];
    for (int i = 0; i < width; i++) h[i] = gain[i] * ((x[i] - mean) * r) + bias[i];
}

/* forward: h = g z + b, z = (x - mean) r
 * so       dx = r (g dh - mean(g dh) - z mean(g dh z)), dg = dh z, db = dh */
void layernorm_row_back(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx,
                        float *dg) {
    int width = c->d;
    const float *g = c->w[0], mean = stat[0], r = stat[1];
    float sum = 0, dot = 0, *db = dg + width;
#pragma omp simd reduction(+ : sum, dot)
    for (int i = 0; i < width; i++) {
        sum += g[i] * dh[i];
        dot += g[i] * dh[i] * ((x[i] - mean) * r);
    }
    sum /= (float)width;
    dot /= (float)width;
    for (int i = 0; i < width; i++) {
        float z = (x[i] - mean) * r;
        dx[i] += r * (g[i] * dh[i] - sum - z * dot);
        dg[i] += dh[i] * z;
        db[i] += dh[i];
    }
}
