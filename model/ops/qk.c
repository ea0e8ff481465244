/* Owns: the table of transforms of q and k before position. */
#include "model/ops/qk_rmsnorm.h"
#include "model/slots.h"

static int64_t rmsnorm_saved(const ModelConfig *c) {
    return (c->heads + config_kv_heads(c)) * (c->width / c->heads);
}

static void rmsnorm_forward_pair(const Ctx *c, float *qkv, int64_t ld) {
    int64_t width = (int64_t)c->H * c->dh;
    qk_rmsnorm_forward(qkv, ld, c->w[0], c->saved, c->N, c->H, c->dh);
    qk_rmsnorm_forward(qkv + width, ld, c->w[1], c->saved + c->N * width, c->N, c->KV, c->dh);
}

static void rmsnorm_backward_pair(const Ctx *c, float *dqkv, int64_t ld) {
    int64_t width = (int64_t)c->H * c->dh;
    const float *keys = c->saved + c->N * width;
    qk_rmsnorm_backward(dqkv, ld, c->w[0], c->saved, c->dw[0], c->partial, c->B, c->T, c->H, c->dh);
    qk_rmsnorm_backward(dqkv + width, ld, c->w[1], keys, c->dw[1], c->partial, c->B, c->T, c->KV, c->dh);
}

const QkSlot qk_slots[] = {
    {.head = {"none", "q and k as projected", {{0}}}},
    {.head = {"rmsnorm",
              "RMSNorm of each head's q and k, a gain for each (QK-norm, arXiv 2302.05442)",
              {{"q_norm.weight", SIZE_HEAD, SIZE_NONE, INIT_ONE},
               {"k_norm.weight", SIZE_HEAD, SIZE_NONE, INIT_ONE}}},
     .saved = rmsnorm_saved,
     .forward = rmsnorm_forward_pair,
     .backward = rmsnorm_backward_pair},
    {.head = {NULL}},
};
