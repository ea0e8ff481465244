#include "model/ops/dyt.h"

#include "model/ops/strips.h"

#include <string.h>

static int lanes_at(int i, int width) {
    return width - i < VW ? width - i : VW;
}

void dyt_forward(const float *x, const float *gain, float *h, int64_t N, int width) {
    const float *bias = gain + width, a = gain[2 * width];
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++)
        for (int i = 0; i < width; i += VW) {
            int lanes = lanes_at(i, width);
            vf z = vf_tanh(a * vf_load_part(x + n * width + i, lanes));
            vf y = vf_load_part(gain + i, lanes) * z + vf_load_part(bias + i, lanes);
            vf_store_part(h + n * width + i, y, lanes);
        }
}

/* forward: h = g z + b, z = tanh(a x)
 * so       dx = g dh a (1 - z^2), dg = dh z, db = dh, da = sum g dh x (1 - z^2) */
static void backward_row(const float *x, const float *gain, const float *dh, float *dx, float *dg,
                         int width) {
    float a = gain[2 * width], *db = dg + width;
    vf da = {0};
    for (int i = 0; i < width; i += VW) {
        int lanes = lanes_at(i, width);
        vf u = vf_load_part(x + i, lanes), d = vf_load_part(dh + i, lanes), z = vf_tanh(a * u);
        vf through = vf_load_part(gain + i, lanes) * d * (1.0f - z * z);
        vf_store_part(dx + i, vf_load_part(dx + i, lanes) + a * through, lanes);
        vf_store_part(dg + i, vf_load_part(dg + i, lanes) + d * z, lanes);
        vf_store_part(db + i, vf_load_part(db + i, lanes) + d, lanes);
        da += through * u;
    }
    dg[2 * width] += vf_sum(da);
}

void dyt_backward(const float *x, const float *gain, const float *dh, float *dx, float *dgain, float *partial,
                  int B, int T, int width) {
    int strips = strips_count(B, T), params = 2 * width + 1;
#pragma omp parallel for schedule(static)
    for (int s = 0; s < strips; s++) {
        int64_t n0, n1;
        strip_range(s, T, &n0, &n1);
        float *dg = partial + (int64_t)s * params;
        memset(dg, 0, (size_t)params * sizeof *dg);
        for (int64_t n = n0; n < n1; n++)
            backward_row(x + n * width, gain, dh + n * width, dx + n * width, dg, width);
    }
    strips_add(partial, strips, params, dgain);
}
