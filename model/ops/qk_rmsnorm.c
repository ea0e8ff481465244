#include "model/ops/qk_rmsnorm.h"

#include "model/ops/rmsnorm.h"
#include "model/ops/strips.h"

#include <string.h>

void qk_rmsnorm_forward(float *x, int64_t ld, const float *gain, float *raw, int64_t N, int H, int dh) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++)
        for (int h = 0; h < H; h++) {
            float *v = x + n * ld + (int64_t)h * dh, *kept = raw + (n * H + h) * dh;
            float r = rms_reciprocal(v, dh);
            for (int i = 0; i < dh; i++) {
                kept[i] = v[i];
                v[i] = gain[i] * (kept[i] * r);
            }
        }
}

/* forward: y = g x r, r = (mean x^2 + eps)^-1/2
 * so       dx = r (g dy - x r^2 mean(g dy x)), dg = dy x r */
static void backward_vector(const float *x, const float *g, float *dy, float *dg, int dh) {
    float r = rms_reciprocal(x, dh), dot = 0;
    for (int i = 0; i < dh; i++) dot += g[i] * dy[i] * x[i];
    float c = dot / (float)dh * r * r;
    for (int i = 0; i < dh; i++) {
        dg[i] += dy[i] * (x[i] * r);
        dy[i] = r * (g[i] * dy[i] - x[i] * c);
    }
}

void qk_rmsnorm_backward(float *dx, int64_t ld, const float *gain, const float *raw, float *dgain,
                         float *partial, int B, int T, int H, int dh) {
    int strips = strips_count(B, T);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < strips; s++) {
        int64_t n0, n1;
        strip_range(s, T, &n0, &n1);
        float *dg = partial + (int64_t)s * dh;
        memset(dg, 0, (size_t)dh * sizeof *dg);
        for (int64_t n = n0; n < n1; n++)
            for (int h = 0; h < H; h++)
                backward_vector(raw + (n * H + h) * dh, gain, dx + n * ld + (int64_t)h * dh, dg, dh);
    }
    strips_add(partial, strips, dh, dgain);
}
