/* Owns: the table of norms and the table of places where they stand. Any norm stands at any place. */
#include "model/ops/dyt.h"
#include "model/ops/layernorm.h"
#include "model/ops/rmsnorm.h"
#include "model/ops/rmsnorm_scalar.h"
#include "model/slots.h"

static void rmsnorm_pair_forward(const Ctx *c, const float *x, float *h, float *stat) {
    rmsnorm_forward(x, c->w[0], h, stat, c->N, c->d);
}
static void rmsnorm_pair_backward(const Ctx *c, const float *x, const float *stat, const float *dh,
                                  float *dx) {
    rmsnorm_backward(x, c->w[0], stat, dh, dx, c->dw[0], c->partial, c->B, c->T, c->d);
}

static void scalar_pair_forward(const Ctx *c, const float *x, float *h, float *stat) {
    rmsnorm_scalar_forward(x, c->w[0], h, stat, c->N, c->d);
}
static void scalar_pair_backward(const Ctx *c, const float *x, const float *stat, const float *dh,
                                 float *dx) {
    rmsnorm_scalar_backward(x, c->w[0], stat, dh, dx, c->dw[0], c->partial, c->B, c->T, c->d);
}

static void layernorm_pair_forward(const Ctx *c, const float *x, float *h, float *stat) {
    layernorm_forward(x, c->w[0], h, stat, c->N, c->d);
}
static void layernorm_pair_backward(const Ctx *c, const float *x, const float *stat, const float *dh,
                                    float *dx) {
    layernorm_backward(x, c->w[0], stat, dh, dx, c->dw[0], c->partial, c->B, c->T, c->d);
}

static void dyt_pair_forward(const Ctx *c, const float *x, float *h, float *stat) {
    (void)stat; /* a function of each number alone */
    dyt_forward(x, c->w[0], h, c->N, c->d);
}
static void dyt_pair_backward(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx) {
    (void)stat;
    dyt_backward(x, c->w[0], dh, dx, c->dw[0], c->partial, c->B, c->T, c->d);
}

const NormKind norm_kinds[] = {
    {.head = {"rmsnorm",
              "divided by its rms, a gain a channel (arXiv 1910.07467)",
              {{"weight", SIZE_D, SIZE_NONE, INIT_ONE}}},
     .forward = rmsnorm_pair_forward,
     .backward = rmsnorm_pair_backward},
    {.head = {"rmsnorm_scalar",
              "the same with one gain for all channels (arXiv 2506.19697)",
              {{"weight", SIZE_ONE, SIZE_NONE, INIT_ONE}}},
     .forward = scalar_pair_forward,
     .backward = scalar_pair_backward},
    {.head = {"layernorm",
              "centred, divided by its deviation, gain and bias (arXiv 1607.06450)",
              {{"weight", SIZE_D, SIZE_NONE, INIT_ONE}, {"bias", SIZE_D, SIZE_NONE, INIT_ZERO}}},
     .forward = layernorm_pair_forward,
     .backward = layernorm_pair_backward},
    {.head = {"dyt",
              "g tanh(a x) + b instead of a norm (arXiv 2503.10622)",
              {{"weight", SIZE_D, SIZE_NONE, INIT_ONE},
               {"bias", SIZE_D, SIZE_NONE, INIT_ZERO},
               {"alpha", SIZE_ONE, SIZE_NONE, INIT_HALF}}},
     .forward = dyt_pair_forward,
     .backward = dyt_pair_backward},
    {.head = {NULL}},
};

#define AT(stage) (1u << STAGE_##stage)

const NormPlace norm_places[] = {
    {{"pre", "x + f(norm(x)), and before the head (arXiv 2002.04745)", {{0}}},
     AT(NORM_ATTN) | AT(NORM_MLP) | AT(NORM_FINAL)},
    {{"post", "norm(x + f(x)) (arXiv 1706.03762)", {{0}}}, AT(SUM_NORM_ATTN) | AT(SUM_NORM_MLP)},
    {{"sandwich", "x + norm(f(norm(x))), and before the head (arXiv 2105.13290)", {{0}}},
     AT(NORM_ATTN) | AT(ADD_NORM_ATTN) | AT(NORM_MLP) | AT(ADD_NORM_MLP) | AT(NORM_FINAL)},
    {.head = {NULL}},
};
