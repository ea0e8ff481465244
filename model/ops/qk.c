/* Owns: the table of transforms of q and k before position. */
#include "model/ops/ops.h"

#include <string.h>

/* q and k, adjacent in a token's row. */
static int64_t rmsnorm_saved(const ModelConfig *c) {
    return (c->heads + config_kv_heads(c)) * config_head_dim(c);
}

static void rmsnorm_forward(const Ctx *c, float *qkv, int64_t ld) {
    int64_t both = rmsnorm_saved(c->c), q = (int64_t)c->H * c->dh;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < c->N; n++) memcpy(c->saved + n * both, qkv + n * ld, (size_t)both * sizeof *qkv);
    head_rmsnorm_forward(&(HeadNorm){c, 0, c->H, 1}, c->saved, both, qkv, ld);
    head_rmsnorm_forward(&(HeadNorm){c, 1, c->KV, 1}, c->saved + q, both, qkv + q, ld);
}

static void rmsnorm_backward(const Ctx *c, float *dqkv, int64_t ld) {
    int64_t both = rmsnorm_saved(c->c), q = (int64_t)c->H * c->dh;
    head_rmsnorm_backward(&(HeadNorm){c, 0, c->H, 1}, c->saved, both, dqkv, ld);
    head_rmsnorm_backward(&(HeadNorm){c, 1, c->KV, 1}, c->saved + q, both, dqkv + q, ld);
}

/* One vector of all heads. */
static Ctx whole(const Ctx *c, int heads) {
    Ctx wide = *c;
    wide.dh = heads * c->dh;
    return wide;
}

static void whole_forward(const Ctx *c, float *qkv, int64_t ld) {
    int64_t both = rmsnorm_saved(c->c), at = (int64_t)c->H * c->dh;
    Ctx q = whole(c, c->H), k = whole(c, c->KV);
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < c->N; n++) memcpy(c->saved + n * both, qkv + n * ld, (size_t)both * sizeof *qkv);
    head_rmsnorm_forward(&(HeadNorm){&q, 0, 1, 1}, c->saved, both, qkv, ld);
    head_rmsnorm_forward(&(HeadNorm){&k, 1, 1, 1}, c->saved + at, both, qkv + at, ld);
}

static void whole_backward(const Ctx *c, float *dqkv, int64_t ld) {
    int64_t both = rmsnorm_saved(c->c), at = (int64_t)c->H * c->dh;
    Ctx q = whole(c, c->H), k = whole(c, c->KV);
    head_rmsnorm_backward(&(HeadNorm){&q, 0, 1, 1}, c->saved, both, dqkv, ld);
    head_rmsnorm_backward(&(HeadNorm){&k, 1, 1, 1}, c->saved + at, both, dqkv + at, ld);
}

const QkSlot qk_slots[] = {
    {.head = {"none", "q and k as projected", {{0}}}},
    {.head = {"rmsnorm",
              "RMSNorm of each head's q and k, a gain for each (QK-norm, arXiv 2302.05442)",
              {{"q_norm.weight", SIZE_HEAD, SIZE_NONE, INIT_ONE},
               {"k_norm.weight", SIZE_HEAD, SIZE_NONE, INIT_ONE}}},
     .saved = rmsnorm_saved,
     .forward = rmsnorm_forward,
     .backward = rmsnorm_backward},
    {.head = {"rmsnorm_all",
              "RMSNorm of q and k over all heads together (OLMo 2, arXiv 2501.00656)",
              {{"q_norm.weight", SIZE_HEADS, SIZE_NONE, INIT_ONE},
               {"k_norm.weight", SIZE_KV, SIZE_NONE, INIT_ONE}}},
     .saved = rmsnorm_saved,
     .forward = whole_forward,
     .backward = whole_backward},
    {.head = {NULL}},
};
