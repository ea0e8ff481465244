#include "model/ops/head_rmsnorm.h"

#include "model/ops/rmsnorm.h"
#include "model/ops/strips.h"

#include <string.h>

void head_rmsnorm_forward(const float *o, const float *gain, float *y, int64_t N, int H, int dh, int gains) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N * H; n++) {
        const float *on = o + n * dh, *g = gain + n % gains * dh;
        float *yn = y + n * dh, r = rms_reciprocal(on, dh);
        for (int i = 0; i < dh; i++) yn[i] = g[i] * (on[i] * r);
    }
}

/* forward: y = g o r, r = (mean o^2 + eps)^-1/2
 * so       do = r (g dy - o r^2 mean(g dy o)), dg = dy o r */
static void backward_head(const float *o, const float *g, float *dy, float *dg, int dh) {
    float r = rms_reciprocal(o, dh), dot = 0;
    for (int i = 0; i < dh; i++) dot += g[i] * dy[i] * o[i];
    float c = dot / (float)dh * r * r;
    for (int i = 0; i < dh; i++) {
        dg[i] += dy[i] * (o[i] * r);
        dy[i] = r * (g[i] * dy[i] - o[i] * c);
    }
}

void head_rmsnorm_backward(const float *o, const float *gain, float *dy, float *dgain, float *partial, int B,
                           int T, int H, int dh, int gains) {
    int width = gains * dh, strips = strips_count(B, T);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < strips; s++) {
        int64_t n0, n1;
        strip_range(s, T, &n0, &n1);
        float *dg = partial + (int64_t)s * width;
        memset(dg, 0, (size_t)width * sizeof *dg);
        for (int64_t n = n0 * H; n < n1 * H; n++)
            backward_head(o + n * dh, gain + n % gains * dh, dy + n * dh, dg + n % gains * dh, dh);
    }
    strips_add(partial, strips, width, dgain);
}
