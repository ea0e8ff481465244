/* Owns: the table of head-output transforms. */
#include "model/ops/ops.h"

static HeadNorm norm_of(const Ctx *c) {
    return (HeadNorm){c, 0, c->H, c->c->head_out_gain == GAIN_HEAD ? c->H : 1};
}

static void rmsnorm_forward(const Ctx *c, const float *o, float *y) {
    HeadNorm norm = norm_of(c);
    head_rmsnorm_forward(&norm, o, (int64_t)c->H * c->dh, y, (int64_t)c->H * c->dh);
}

static void rmsnorm_backward(const Ctx *c, const float *o, float *dy) {
    HeadNorm norm = norm_of(c);
    head_rmsnorm_backward(&norm, o, (int64_t)c->H * c->dh, dy, (int64_t)c->H * c->dh);
}

const HeadOutSlot head_out_slots[] = {
    {.head = {"none", "heads go to W_O as attention made them", {{0}}}},
    {.head = {"rmsnorm",
              "head-wise RMSNorm, its gain shared by a layer's heads or not (arXiv 2605.06611)",
              {{"head_norm.weight", SIZE_GAIN, SIZE_NONE, INIT_HEAD_SCALE}}},
     .forward = rmsnorm_forward,
     .backward = rmsnorm_backward},
    {.head = {"gate_elementwise",
              "o * sigma(W h), h the normed input of attention; begins at half (arXiv 2505.06708)",
              {{"head_gate.weight", SIZE_HEADS, SIZE_D, INIT_ZERO}}},
     .gate = GATE_INPUT},
    {.head = {"gate_head",
              "the same with one gate a head (arXiv 2505.06708)",
              {{"head_gate.weight", SIZE_H, SIZE_D, INIT_ZERO}}},
     .gate = GATE_INPUT},
    {.head = {"gate_value",
              "o * sigma(W v), v the token's values; begins at half (arXiv 2510.09017)",
              {{"head_gate.weight", SIZE_HEADS, SIZE_KV, INIT_ZERO}}},
     .gate = GATE_VALUE},
    {.head = {"rmsnorm+gate",
              "head-wise RMSNorm, then the element-wise gate (arXiv 2605.06611, 2505.06708)",
              {{"head_norm.weight", SIZE_GAIN, SIZE_NONE, INIT_HEAD_SCALE},
               {"head_gate.weight", SIZE_HEADS, SIZE_D, INIT_ZERO}}},
     .forward = rmsnorm_forward,
     .backward = rmsnorm_backward,
     .gate = GATE_INPUT,
     .gate_tensor = 1},
    {.head = {"exclusive", "y - (y.v / |v|^2) v, v the token's own value (arXiv 2603.09078)", {{0}}},
     .forward = exclusive_forward,
     .backward = exclusive_backward,
     .own = true},
    {.head = {NULL}},
};
