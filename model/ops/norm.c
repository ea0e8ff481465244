/* Owns: the table of norms and the table of places where they stand. Any norm stands at any place. */
#include "model/ops/ops.h"
#include "model/ops/strips.h"

void norm_rows(const Ctx *c, const float *x, float *h, float *stat) {
    const NormKind *kind = &norm_kinds[c->c->norm_kind];
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < c->N; n++) kind->row(c, x + n * c->d, h + n * c->d, stat + n * NORM_STATS);
}

typedef struct Back {
    const Ctx *c;
    const float *x, *stat, *dh;
    float *dx;
} Back;

static void back_token(const void *op, int64_t n, float *dgain) {
    const Back *b = op;
    int64_t at = n * b->c->d;
    norm_kinds[b->c->c->norm_kind].row_back(b->c, b->x + at, b->stat + n * NORM_STATS, b->dh + at, b->dx + at,
                                            dgain);
}

void norm_rows_back(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx) {
    strips_sum(back_token, &(Back){c, x, stat, dh, dx}, c->B, c->T, norm_weights(c->c), c->partial, c->dw[0]);
}

int norm_weights(const ModelConfig *c) {
    const TensorSpec *own = norm_kinds[c->norm_kind].head.tensors;
    int64_t floats = 0;
    for (int i = 0; i < SLOT_TENSORS && own[i].name; i++) floats += tensor_floats(c, &own[i]);
    return (int)floats;
}

#define NAMED(name, pair, text, ...)                                                                         \
    { .head = {name, text, {__VA_ARGS__}}, .row = pair##_row, .row_back = pair##_row_back }
#define KIND(kind, text, ...) NAMED(#kind, kind, text, __VA_ARGS__)

const NormKind norm_kinds[] = {
    KIND(rmsnorm, "divided by its rms, a gain a channel (arXiv 1910.07467)",
         {"weight", SIZE_D, SIZE_NONE, INIT_ONE}),
    KIND(rmsnorm_scalar, "the same with one gain for all channels (arXiv 2506.19697)",
         {"weight", SIZE_ONE, SIZE_NONE, INIT_ONE}),
    KIND(layernorm, "centred, divided by its deviation, gain and bias (arXiv 1607.06450)",
         {"weight", SIZE_D, SIZE_NONE, INIT_ONE}, {"bias", SIZE_D, SIZE_NONE, INIT_ZERO}),
    KIND(dyt, "g tanh(a x) + b instead of a norm (arXiv 2503.10622)", {"weight", SIZE_D, SIZE_NONE, INIT_ONE},
         {"bias", SIZE_D, SIZE_NONE, INIT_ZERO}, {"alpha", SIZE_ONE, SIZE_NONE, INIT_HALF}),
    KIND(pre_affine, "RMSNorm of lambda x, lambda a gain a channel before the norm (arXiv 2601.22966)",
         {"weight", SIZE_D, SIZE_NONE, INIT_ONE}, {"lambda", SIZE_D, SIZE_NONE, INIT_ONE}),
    NAMED("gated", gated_norm, "y 2 sigma(silu(y W_down) W_up), y of RMSNorm; begins as y (arXiv 2601.22966)",
          {"weight", SIZE_D, SIZE_NONE, INIT_ONE}, {"gate_down.weight", SIZE_RANK, SIZE_D, INIT_NORMAL},
          {"gate_up.weight", SIZE_RANK, SIZE_D, INIT_ZERO}),
    {.head = {NULL}},
};

#define AT(stage) (1u << STAGE_##stage)

const NormPlace norm_places[] = {
    {{"pre", "x + f(norm(x)), and before the head (arXiv 2002.04745)", {{0}}},
     AT(NORM_ATTN) | AT(NORM_MLP) | AT(NORM_FINAL)},
    {{"post", "norm(x + f(x)) (arXiv 1706.03762)", {{0}}}, AT(SUM_NORM_ATTN) | AT(SUM_NORM_MLP)},
    {{"sandwich", "x + norm(f(norm(x))), and before the head (arXiv 2105.13290)", {{0}}},
     AT(NORM_ATTN) | AT(ADD_NORM_ATTN) | AT(NORM_MLP) | AT(ADD_NORM_MLP) | AT(NORM_FINAL)},
    {{"branch", "x + norm(f(x)), and before the head (OLMo 2, arXiv 2501.00656)", {{0}}},
     AT(ADD_NORM_ATTN) | AT(ADD_NORM_MLP) | AT(NORM_FINAL)},
    {.head = {NULL}},
};
