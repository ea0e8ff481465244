/* Owns: the table of head-output transforms. */
#include "model/ops/head_rmsnorm.h"
#include "model/slots.h"

static void rmsnorm_pair_forward(const Ctx *c, const float *o, float *y) {
    head_rmsnorm_forward(o, c->w[0], y, c->N, c->H, c->dh);
}

static void rmsnorm_pair_backward(const Ctx *c, const float *o, float *dy) {
    head_rmsnorm_backward(o, c->w[0], dy, c->dw[0], c->partial, c->B, c->T, c->H, c->dh);
}

const HeadOutSlot head_out_slots[] = {
    {.head = {"none", "heads go to W_O as attention made them", {{0}}}},
    {.head = {"rmsnorm",
              "head-wise RMSNorm, one gain a layer shared by its heads (arXiv 2605.06611)",
              {{"head_norm.weight", SIZE_HEAD, SIZE_NONE, INIT_HEAD_SCALE}}},
     .forward = rmsnorm_pair_forward,
     .backward = rmsnorm_pair_backward},
    {.head = {NULL}},
};
