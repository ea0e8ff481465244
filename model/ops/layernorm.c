#include "model/ops/layernorm.h"

#include "model/ops/strips.h"

#include <math.h>
#include <string.h>

/* Two passes: the squares of what is left, so that a large mean costs no digits. */
static void row_stats(const float *x, int width, float *mean, float *rstd) {
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < width; i++) sum += x[i];
    float m = sum / (float)width;
#pragma omp simd reduction(+ : squares)
    for (int i = 0; i < width; i++) squares += (x[i] - m) * (x[i] - m);
    *mean = m;
    *rstd = 1.0f / sqrtf(squares / (float)width + LAYERNORM_EPS);
}

void layernorm_forward(const float *x, const float *gain, float *h, float *stat, int64_t N, int width) {
    const float *bias = gain + width;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++) {
        const float *xn = x + n * width;
        float *hn = h + n * width, mean, r;
        row_stats(xn, width, &mean, &r);
        for (int i = 0; i < width; i++) hn[i] = gain[i] * ((xn[i] - mean) * r) + bias[i];
        stat[n] = mean;
        stat[N + n] = r;
    }
}

/* forward: h = g z + b, z = (x - mean) r
 * so       dx = r (g dh - mean(g dh) - z mean(g dh z)), dg = dh z, db = dh */
static void backward_row(const float *x, const float *g, float mean, float r, const float *dh, float *dx,
                         float *dg, int width) {
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

void layernorm_backward(const float *x, const float *gain, const float *stat, const float *dh, float *dx,
                        float *dgain, float *partial, int B, int T, int width) {
    int strips = strips_count(B, T);
    int64_t N = (int64_t)B * T;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < strips; s++) {
        int64_t n0, n1;
        strip_range(s, T, &n0, &n1);
        float *dg = partial + (int64_t)s * 2 * width;
        memset(dg, 0, 2 * (size_t)width * sizeof *dg);
        for (int64_t n = n0; n < n1; n++)
            backward_row(x + n * width, gain, stat[n], stat[N + n], dh + n * width, dx + n * width, dg,
                         width);
    }
    strips_add(partial, strips, 2 * width, dgain);
}
