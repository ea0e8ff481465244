#include "model/kernels/vec.h"
#include "model/ops/ops.h"

void dyt_row(const Ctx *c, const float *x, float *h, float *stat) {
    int width = c->d;
    const float *gain = c->w[0], *bias = gain + width, a = gain[2 * width];
    (void)stat; /* a function of each number alone */
    for (int i = 0; i < width; i += VW) {
        vf z = vf_tanh(a * vf_load_part(x + i, width - i));
        vf_store_part(h + i, vf_load_part(gain + i, width - i) * z + vf_load_part(bias + i, width - i),
                      width - i);
    }
}

/* forward: h = g z + b, z = tanh(a x)
 * so       dx = g dh a (1 - z^2), dg = dh z, db = dh, da = sum g dh x (1 - z^2) */
void dyt_row_back(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx, float *dg) {
    int width = c->d;
    const float *gain = c->w[0], a = gain[2 * width];
    float *db = dg + width;
    vf da = {0};
    (void)stat;
    for (int i = 0; i < width; i += VW) {
        int n = width - i;
        vf u = vf_load_part(x + i, n), d = vf_load_part(dh + i, n), z = vf_tanh(a * u);
        vf through = vf_load_part(gain + i, n) * d * (1.0f - z * z);
        vf_store_part(dx + i, vf_load_part(dx + i, n) + a * through, n);
        vf_store_part(dg + i, vf_load_part(dg + i, n) + d * z, n);
        vf_store_part(db + i, vf_load_part(db + i, n) + d, n);
        da += through * u;
    }
    dg[2 * width] += vf_sum(da);
}
