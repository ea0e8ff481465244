#include "model/ops/rmsnorm.h"

#include "model/ops/strips.h"

#include <math.h>
#include <string.h>

float rms_reciprocal(const float *x, int width) {
    vf sum = {0};
    int i = 0;
    for (; i + VW <= width; i += VW) {
        vf v = vf_load(x + i);
        sum += v * v;
    }
    float s = vf_sum(sum);
    for (; i < width; i++) s += x[i] * x[i];
    return 1.0f / sqrtf(s / (float)width + RMSNORM_EPS);
}

void rmsnorm_forward(const float *x, const float *gain, float *h, float *rstd, int64_t N, int width) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++) {
        const float *xn = x + n * width;
        float *hn = h + n * width;
        float r = rms_reciprocal(xn, width);
        for (int i = 0; i < width; i++) hn[i] = gain[i] * (xn[i] * r);
        rstd[n] = r;
    }
}

/* forward: h = g x r, r = (mean x^2 + eps)^-1/2
 * so       dx = r (g dh - x r^2 mean(g dh x)), dg = dh x r */
static void backward_row(const float *x, const float *g, float r, const float *dh, float *dx, float *dg,
                         int width) {
    vf sum = {0};
    int i = 0;
    for (; i + VW <= width; i += VW) sum += vf_load(dh + i) * vf_load(g + i) * vf_load(x + i);
    float dot = vf_sum(sum);
    for (; i < width; i++) dot += dh[i] * g[i] * x[i];
    float c = dot / (float)width * r * r;
    for (i = 0; i < width; i++) {
        dx[i] += r * (g[i] * dh[i] - x[i] * c);
        dg[i] += dh[i] * (x[i] * r);
    }
}

void rmsnorm_backward(const float *x, const float *gain, const float *rstd, const float *dh, float *dx,
                      float *dgain, float *partial, int B, int T, int width) {
    int strips = strips_count(B, T);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < strips; s++) {
        int64_t n0, n1;
        strip_range(s, T, &n0, &n1);
        float *dg = partial + (int64_t)s * width;
        memset(dg, 0, (size_t)width * sizeof *dg);
        for (int64_t n = n0; n < n1; n++)
            backward_row(x + n * width, gain, rstd[n], dh + n * width, dx + n * width, dg, width);
    }
    strips_add(partial, strips, width, dgain);
}
