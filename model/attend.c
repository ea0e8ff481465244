#include "model/attend.h"

#include "model/ops/attention.h"
#include "model/penalty.h"

#include <math.h>
#include <string.h>

/* Attention of one layer as the op takes it: its sizes, masks and tensors. `null`, `slope`, `mix` (H each)
 * and `score_biases` are room of the caller's that the shape points to. */
static AttentionShape attention_shape(const Pass *p, const Ctx *c, bool *null, float *slope, float *mix,
                                      ScoreBiases *score_biases) {
    const ModelConfig *m = c->c;
    const AttentionSlot *slot = &attention_slots[m->attention];
    const Pass *sink = p->sink;
    bool token = slot->token && !sink; /* in the pass of x* itself, x* sees no other x* */
    AttentionShape s = {.B = c->B,
                        .T = c->T,
                        .H = c->H,
                        .KV = c->KV,
                        .dh = c->dh,
                        .ld = c->ld,
                        .doc_start = p->b->doc_start,
                        .visible = visible_of(m),
                        .slope = slope,
                        .null = null,
                        .score_biases = p->t->changes ? score_biases : NULL,
                        .bf16 = p->t->bf16 != NULL,
                        .config = m};
    if (p->t->changes) *score_biases = changes_score_biases(p->t->changes, c->layer);
    const PositionSlot *position = &position_slots[m->position];
    for (int h = 0; h < c->H; h++) slope[h] = position->slope ? position->slope(m, h) : 0;
    if (!position->slope) s.slope = NULL;
    for (int h = 0; h < c->H; h++) null[h] = !token && config_has_null(m, h);
    for (int i = 0; i < SLOT_TENSORS && c->w[i] && !slot->mix; i++) s.part[slot->part[i]] = c->w[i];
    if (slot->mix) {
        slot->mix(c, mix);
        s.part[PART_MIX] = mix;
    }
    if (slot->token && sink) {
        s.part[PART_KEY] = sink->t->acts[c->layer].qkv + (int64_t)c->H * c->dh;
        s.part[PART_VALUE] = s.part[PART_KEY] + (int64_t)c->KV * c->dh;
    }
    return s;
}

/* Multiply-adds of Q K^T for a token and a layer: only the keys that causality and the window leave. */
static double score_work(const Pass *p) {
    double T = p->b->T, w = (double)p->m->config.window;
    double keys = w && w < T ? w - w * (w - 1) / (2 * T) : (T + 1) / 2;
    return keys * (double)config_heads_width(&p->m->config);
}

void attend(const Pass *p, int l, Acts *a) {
    Ctx c = stage_ctx(p, l, STAGE_ATTENTION);
    const AttentionSlot *slot = &attention_slots[c.c->attention];
    float slope[c.H], mix[c.H];
    bool null[c.H], seen = taps_want(&p->t->observers, TAP_ATTN_OUT);
    ScoreBiases score_biases = {0};
    AttentionShape s = attention_shape(p, &c, null, slope, mix, &score_biases);
    int64_t width = (int64_t)c.H * c.dh;
    float *kept = penalty_masses(p, l), *first = kept ? kept : p->t->first;
    attention_forward(slot, &s, a->qkv, a->o, a->stat, seen || kept ? first : NULL, p->t->attention,
                      &p->t->observers, l, p->b->row0);
    phase_done(p, PHASE_ATTENTION_FORWARD, 4 * score_work(p), 4 * (c.ld + width)); /* Q K^T, A V */
    Heads heads = {.H = c.H,
                   .dh = c.dh,
                   .q = a->qkv,
                   .k = a->qkv + width,
                   .v = a->qkv + width + (int64_t)c.KV * c.dh,
                   .ld = c.ld,
                   .group = c.H / c.KV,
                   .first = first,
                   .scale = 1.0f / sqrtf((float)c.dk)}; /* as head_at of ops/attention.c has it */
    if (a->plain != a->o) memcpy(a->plain, a->o, (size_t)(p->N * width) * sizeof *a->o);
    tap(p, TAP_ATTN_OUT, l, a->o, (int)width, &heads);
}

/* Gradients of the tensors that PART_MIX is made of, from those of the mix, head by head in row order. */
static void mix_backward(const Pass *p, const AttentionSlot *slot, const Ctx *c) {
    int n = c->B * c->H;
    float dmix[n];
    for (int i = 0; i < n; i++) dmix[i] = *attention_partial(p->t->parts, c->dh, PART_MIX, i);
    slot->mix_backward(c, dmix, n);
}

/* Gradients of the heads' own tensors, or of the key and value of x* in this block. */
void attend_backward(const Pass *p, int l, const Acts *a) {
    Ctx c = stage_ctx(p, l, STAGE_ATTENTION);
    const AttentionSlot *slot = &attention_slots[c.c->attention];
    const Pass *sink = p->sink;
    bool null[c.H];
    float slope[c.H], mix[c.H];
    ScoreBiases score_biases = {0};
    AttentionShape s = attention_shape(p, &c, null, slope, mix, &score_biases);
    int64_t width = (int64_t)c.H * c.dh, keys = (int64_t)c.KV * c.dh;
    s.d_mass = penalty_d_mass(p, l);
    s.first = penalty_masses(p, l);
    float *dpart[PARTS] = {0}, *dkv = sink ? sink->t->dkv : p->t->dkv;
    bool token = slot->token && !sink;
    for (int i = 0; i < SLOT_TENSORS && c.w[i] && !slot->mix; i++) dpart[slot->part[i]] = c.dw[i];
    if (sink) {
        memset(dkv, 0, (size_t)(2 * keys) * sizeof *dkv);
        dpart[PART_KEY] = dkv;
        dpart[PART_VALUE] = dkv + keys;
    }
    tap_back(p, TAP_ATTN_OUT, l, p->t->dy, (int)width, width, &(Heads){.H = c.H, .dh = c.dh});
    attention_backward(slot, &s, a->qkv, a->plain, a->stat, p->t->dy, p->t->dqkv, dpart, p->t->parts,
                       p->t->attention);
    if (slot->mix) mix_backward(p, slot, &c);
    /* the scores made again are not counted */
    phase_done(p, PHASE_ATTENTION_BACKWARD, 8 * score_work(p), 8 * (c.ld + width));
    for (int64_t i = 0; token && i < 2 * keys; i++) p->t->dqkv[width + i] += dkv[i];
}
