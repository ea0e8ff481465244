#include "model/kernels/vec.h"
#include "model/ops/ops.h"

#include <string.h>

/* One function for y.v and v.v, so that their quotient is exactly 1 where y is v. */
static __attribute__((noinline)) float dot(const float *a, const float *b, int n) {
    vf sum = {0};
    for (int i = 0; i < n; i += VW) sum += vf_load_part(a + i, n - i) * vf_load_part(b + i, n - i);
    return vf_sum(sum);
}

/* A token's own value, as query head h sees it. */
static const float *own_value(const Ctx *c, int64_t n, int h) {
    return c->v + n * c->ld + (int64_t)(h / (c->H / c->KV)) * c->dh;
}

void exclusive_forward(const Ctx *c, const float *o, float *y) {
    int dh = c->dh;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < c->N; n++)
        for (int h = 0; h < c->H; h++) {
            const float *v = own_value(c, n, h), *from = o + (n * c->H + h) * dh;
            float *to = y + (n * c->H + h) * dh, square = dot(v, v, dh);
            float along = square > 0 ? dot(from, v, dh) / square : 0;
            for (int i = 0; i < dh; i++) to[i] = from[i] - along * v[i];
        }
}

/* forward: z = y - a v, a = y.v / |v|^2
 * so       dy = dz - b v, dv = -(a dz + b (y - 2 a v)), b = dz.v / |v|^2 */
static void back_head(const float *y, const float *v, float *dz, float *dv, int dh) {
    float square = dot(v, v, dh);
    if (!(square > 0)) return;
    float a = dot(y, v, dh) / square, b = dot(dz, v, dh) / square;
    for (int i = 0; i < dh; i++) {
        dv[i] -= a * dz[i] + b * (y[i] - 2 * a * v[i]);
        dz[i] -= b * v[i];
    }
}

void exclusive_backward(const Ctx *c, const float *o, float *dy) {
    int dh = c->dh, group = c->H / c->KV;
    int64_t keys = (int64_t)c->KV * dh;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < c->N; n++) {
        float *dv = c->dv + n * keys;
        memset(dv, 0, (size_t)keys * sizeof *dv);
        for (int h = 0; h < c->H; h++)
            back_head(o + (n * c->H + h) * dh, own_value(c, n, h), dy + (n * c->H + h) * dh,
                      dv + (int64_t)(h / group) * dh, dh);
    }
}
