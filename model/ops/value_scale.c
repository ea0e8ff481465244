#include "model/ops/ops.h"
#include "model/ops/strips.h"

#include <string.h>

void value_scale_forward(const Ctx *c, float *v, float *kept) {
    int64_t width = (int64_t)c->KV * c->dh;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < c->N; n++) {
        memcpy(kept + n * width, v + n * c->ld, (size_t)width * sizeof *kept);
        for (int64_t i = 0; i < width; i++) v[n * c->ld + i] *= c->w[0][i / c->dh];
    }
}

typedef struct Back {
    const Ctx *c;
    const float *kept;
    float *dv;
} Back;

static void back_token(const void *op, int64_t n, float *ds) {
    const Back *b = op;
    const Ctx *c = b->c;
    int64_t width = (int64_t)c->KV * c->dh;
    for (int64_t i = 0; i < width; i++) {
        float *dv = b->dv + n * c->ld + i;
        ds[i / c->dh] += *dv * b->kept[n * width + i];
        *dv *= c->w[0][i / c->dh];
    }
}

void value_scale_backward(const Ctx *c, const float *kept, float *dv) {
    strips_sum(back_token, &(Back){c, kept, dv}, c->B, c->T, c->KV, c->partial, c->dw[0]);
}
