#include "model/ops/ops.h"
#include "model/ops/rmsnorm.h"
#include "model/ops/strips.h"

void head_rmsnorm_forward(const HeadNorm *a, const float *x, int64_t ldx, float *y, int64_t ldy) {
    int dh = a->c->dh;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < a->c->N; n++)
        for (int h = 0; h < a->H; h++) {
            const float *xn = x + n * ldx + (int64_t)h * dh, *g = a->c->w[a->tensor] + h % a->gains * dh;
            float *yn = y + n * ldy + (int64_t)h * dh, r = rms_reciprocal(xn, dh, a->c->eps);
            for (int i = 0; i < dh; i++) yn[i] = g[i] * (xn[i] * r);
        }
}

static void back_head(const float *x, const float *g, float *dy, float *dg, int dh, float eps) {
    float r = rms_reciprocal(x, dh, eps), dot = 0;
    for (int i = 0; i < dh; i++) dot += g[i] * dy[i] * x[i];
    float along = rms_along(dot, r, dh);
    for (int i = 0; i < dh; i++) {
        dg[i] += rms_gain_back(x[i], dy[i], r);
        dy[i] = rms_back(x[i], g[i], dy[i], r, along);
    }
}

typedef struct Back {
    const HeadNorm *a;
    const float *x;
    float *dy;
    int64_t ldx, ldy;
} Back;

static void back_token(const void *op, int64_t n, float *dgain) {
    const Back *b = op;
    int dh = b->a->c->dh;
    for (int h = 0; h < b->a->H; h++) {
        int64_t at = (int64_t)h * dh, gain = h % b->a->gains * dh;
        back_head(b->x + n * b->ldx + at, b->a->c->w[b->a->tensor] + gain, b->dy + n * b->ldy + at,
                  dgain + gain, dh, b->a->c->eps);
    }
}

void head_rmsnorm_backward(const HeadNorm *a, const float *x, int64_t ldx, float *dy, int64_t ldy) {
    const Ctx *c = a->c;
    strips_sum(back_token, &(Back){a, x, dy, ldx, ldy}, c->B, c->T, a->gains * c->dh, c->partial,
               c->dw[a->tensor]);
}
