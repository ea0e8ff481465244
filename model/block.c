#include "model/block.h"

#include "model/attend.h"
#include "model/dropped.h"
#include "model/gated_heads.h"
#include "model/linear.h"
#include "model/ops/ops.h"

#include <string.h>

static float *value_of(const Ctx *c, float *qkv) {
    return qkv + (int64_t)(c->H + c->KV) * c->dh;
}

/* A norm in place of x, whose input is kept. */
static void norm_over(const Pass *p, int l, Stage s, float *x, NormActs *kept) {
    if (!norm_stands(&p->m->config, s)) return;
    memcpy(kept->x, x, (size_t)(p->N * p->m->config.width) * sizeof *x);
    norm_forward(p, l, s, kept->x, x, kept->stat);
}

/* The gradient of a norm's input from that of its output, dy: into t->dadd; where no norm stands, dy itself.
 */
static const float *norm_of_added_backward(const Pass *p, int l, Stage s, const NormActs *kept,
                                           const float *dy) {
    if (!norm_stands(&p->m->config, s)) return dy;
    memset(p->t->dadd, 0, (size_t)(p->N * p->m->config.width) * sizeof *dy);
    norm_backward(p, l, s, kept->x, kept->stat, dy, p->t->dadd);
    return p->t->dadd;
}

/* The gradient of a norm's input in place of that of its output, dy. */
static void norm_over_backward(const Pass *p, int l, Stage s, const NormActs *kept, float *dy) {
    const float *dx = norm_of_added_backward(p, l, s, kept, dy);
    if (dx != dy) memcpy(dy, dx, (size_t)(p->N * p->m->config.width) * sizeof *dy);
}

/* v <- a mix with the first block's values, where the model has value_residual. */
static void mix_values(const Pass *p, int l, Acts *a) {
    Ctx c = stage_ctx(p, l, STAGE_QKV);
    if (c.c->value_residual > 0)
        value_residual_forward(l, value_of(&c, a->qkv), c.ld, p->t->value, p->N, c.KV * c.dh,
                               (float)c.c->value_residual);
}

static void mix_values_backward(const Pass *p, int l) {
    Ctx c = stage_ctx(p, l, STAGE_QKV);
    if (c.c->value_residual > 0)
        value_residual_backward(l, (int)c.c->layers - 1, value_of(&c, p->t->dqkv), c.ld, p->t->dvalue, p->N,
                                c.KV * c.dh, (float)c.c->value_residual);
}

static void scale_values(const Pass *p, int l, Acts *a) {
    Ctx c = stage_ctx(p, l, STAGE_VALUE);
    if (c.c->value_scale) value_scale_forward(&c, value_of(&c, a->qkv), a->value);
}

static void scale_values_backward(const Pass *p, int l, const Acts *a) {
    Ctx c = stage_ctx(p, l, STAGE_VALUE);
    if (c.c->value_scale) value_scale_backward(&c, a->value, value_of(&c, p->t->dqkv));
}

static void attention_sublayer(const Pass *p, int l, Acts *a) {
    Tape *t = p->t;
    Ctx qkv = stage_ctx(p, l, STAGE_QKV), qk = stage_ctx(p, l, STAGE_QK);
    Ctx rotation = stage_ctx(p, -1, STAGE_POSITION);
    int64_t d = qkv.d, ld = qkv.ld, width = (int64_t)qkv.H * qkv.dh;
    const QkSlot *q = &qk_slots[qk.c->qk];
    const PositionSlot *position = &position_slots[rotation.c->position];
    Linear project = linear_of(p->m, LINEAR_QKV, l), merge = linear_of(p->m, LINEAR_OUT, l);

    const float *h = norm_forward(p, l, STAGE_NORM_ATTN, a->x, t->h, a->norm_attn);
    tap(p, TAP_ATTN_IN, l, (float *)h, (int)d, NULL);
    linear_forward(p, &project, p->N, h, a->qkv);
    if (q->forward) q->forward(&qk, a->qkv, ld);
    if (position->rotate_forward) position->rotate_forward(&rotation, a->qkv, ld);
    mix_values(p, l, a);
    scale_values(p, l, a);
    tap_rows(p, TAP_VALUE, l, value_of(&qkv, a->qkv), qkv.KV * qkv.dh, ld, NULL);
    phase_done(p, PHASE_POSITION, 6 * width, 16 * width);
    attend(p, l, a);
    gates_forward(p, l, a, h);
    const float *y = head_out(p, l, a);
    tap(p, TAP_HEAD_OUT, l, (float *)y, (int)width, NULL);
    linear_forward(p, &merge, p->N, y, t->add);
    norm_over(p, l, STAGE_ADD_NORM_ATTN, t->add, &a->add_attn);
    tap(p, TAP_ATTN_ADD, l, t->add, (int)d, NULL);
    residual_add(a->mid, a->x, t->add, p->N * d);
    phase_done(p, PHASE_RESIDUAL, d, 12 * d);
    norm_over(p, l, STAGE_SUM_NORM_ATTN, a->mid, &a->sum_attn);
}

/* What the feed-forward reads: the stream between, or, beside attention, the block's own input. */
typedef struct MlpInput {
    const float *x;
    Stage norm;
    float *stat;
} MlpInput;

static MlpInput mlp_input(const ModelConfig *c, const Acts *a) {
    bool shared = c->parallel == PARALLEL_ONE_NORM;
    return (MlpInput){c->parallel == PARALLEL_NONE ? a->mid : a->x, shared ? STAGE_NORM_ATTN : STAGE_NORM_MLP,
                      shared ? a->norm_attn : a->norm_mlp};
}

static void mlp_sublayer(const Pass *p, int l, Acts *a, float *x_next) {
    Tape *t = p->t;
    Ctx mlp = stage_ctx(p, l, STAGE_MLP);
    const MlpSlot *slot = &mlp_slots[mlp.c->mlp];
    int64_t d = mlp.d, f = mlp.f, in = slot->parts * f;
    Linear widen = linear_of(p->m, LINEAR_MLP_IN, l), narrow = linear_of(p->m, LINEAR_MLP_DOWN, l);

    MlpInput from = mlp_input(mlp.c, a);
    const float *h = norm_forward(p, l, from.norm, from.x, t->h, from.stat);
    tap(p, TAP_MLP_IN, l, (float *)h, (int)d, NULL);
    linear_forward(p, &widen, p->N, h, a->hid);
    slot->forward(&mlp, a->hid, t->s);
    phase_done(p, PHASE_ACTIVATION, 18 * f, 4 * (in + f));
    tap(p, TAP_MLP_HIDDEN, l, t->s, (int)f, NULL);
    linear_forward(p, &narrow, p->N, t->s, t->add);
    drop_weights(p, l, t->s, t->add);
    norm_over(p, l, STAGE_ADD_NORM_MLP, t->add, &a->add_mlp);
    tap(p, TAP_MLP_OUT, l, t->add, (int)d, NULL);
    residual_add(x_next, a->mid, t->add, p->N * d);
    phase_done(p, PHASE_RESIDUAL, d, 12 * d);
    norm_over(p, l, STAGE_SUM_NORM_MLP, x_next, &a->sum_mlp);
}

static void clip(const Pass *p, float *x) {
    const ModelConfig *c = &p->m->config;
    if (c->residual_clip > 0) residual_clip(x, (float)c->residual_clip, p->N * c->width);
}

static void clip_backward(const Pass *p, const float *x, float *dx) {
    const ModelConfig *c = &p->m->config;
    if (c->residual_clip > 0) residual_clip_backward(x, (float)c->residual_clip, dx, p->N * c->width);
}

/* Under model.parallel the feed-forward reads norm(x) and not norm(mid).
 * h = norm(x); q, k, v = h W; o = attention(q, k, v); mid = sum_norm(x + add_norm(head_out(o) W_O))
 * x' = clip(sum_norm(mid + add_norm(W_down act(norm(mid) W_in)))), with the norms that model.norm places */
void block_forward(const Pass *p, int l) {
    Acts *a = &p->t->acts[l];
    float *x_next = p->t->acts[l + 1].x;
    attention_sublayer(p, l, a);
    mlp_sublayer(p, l, a, x_next);
    clip(p, x_next);
    tap(p, TAP_RESID, l, x_next, (int)p->m->config.width, NULL);
}

/* The gradient of what the MLP adds: the stream's, but where an intervention changed it. */
static const float *mlp_out_backward(const Pass *p, int l) {
    Tape *t = p->t;
    int d = (int)p->m->config.width;
    if (!t->changes || !changes_at(t->changes, TAP_MLP_OUT, l)) return t->dx;
    memcpy(t->add, t->dx, (size_t)(p->N * d) * sizeof *t->dx);
    tap_back(p, TAP_MLP_OUT, l, t->add, d, d, NULL);
    return t->add;
}

/* forward: x' = sum_norm(mid + add_norm(s W_down^T)), s = act(hid), hid = h W_in^T, h = norm(mid) */
static void mlp_backward(const Pass *p, int l, Acts *a) {
    Tape *t = p->t;
    Ctx mlp = stage_ctx(p, l, STAGE_MLP);
    const MlpSlot *slot = &mlp_slots[mlp.c->mlp];
    int64_t f = mlp.f, in = slot->parts * f;
    Linear widen = linear_of(p->m, LINEAR_MLP_IN, l), narrow = linear_of(p->m, LINEAR_MLP_DOWN, l);

    norm_over_backward(p, l, STAGE_SUM_NORM_MLP, &a->sum_mlp, t->dx);
    const float *dadd = norm_of_added_backward(p, l, STAGE_ADD_NORM_MLP, &a->add_mlp, mlp_out_backward(p, l));
    linear_inputs(p, &narrow, p->N, dadd, t->ds);
    drop_weights_backward(p, l, dadd, t->ds);
    tap_back(p, TAP_MLP_HIDDEN, l, t->ds, (int)f, f, NULL);
    slot->backward(&mlp, a->hid, t->ds, t->s);
    tap_again(p, TAP_MLP_HIDDEN, l, t->s, (int)f);
    phase_done(p, PHASE_ACTIVATION, 24 * f, 8 * (in + f));
    linear_weights(p, &narrow, p->N, dadd, t->s);
    MlpInput from = mlp_input(mlp.c, a);
    const float *h = norm_forward(p, l, from.norm, from.x, t->h, from.stat); /* cheaper than kept */
    linear_weights(p, &widen, p->N, a->hid, h);
    linear_inputs(p, &widen, p->N, a->hid, t->dh);
    tap_gradient(p, TAP_MLP_IN_GRAD, l, t->dh);
    float *dfrom = t->dx;
    if (mlp.c->parallel) dfrom = memset(t->dadd, 0, (size_t)(p->N * mlp.d) * sizeof *dfrom);
    norm_backward(p, l, from.norm, from.x, from.stat, t->dh, dfrom);
}

/* forward: mid = sum_norm(x + add_norm(y W_O^T)), y = head_out(o), o = attention(qkv), qkv = norm(x) W^T */
static void attention_sublayer_backward(const Pass *p, int l, Acts *a) {
    Tape *t = p->t;
    Ctx qkv = stage_ctx(p, l, STAGE_QKV), qk = stage_ctx(p, l, STAGE_QK);
    Ctx rotation = stage_ctx(p, -1, STAGE_POSITION);
    const QkSlot *q = &qk_slots[qk.c->qk];
    const PositionSlot *position = &position_slots[rotation.c->position];
    int64_t d = qkv.d, ld = qkv.ld, width = (int64_t)qkv.H * qkv.dh;
    Linear project = linear_of(p->m, LINEAR_QKV, l), merge = linear_of(p->m, LINEAR_OUT, l);

    norm_over_backward(p, l, STAGE_SUM_NORM_ATTN, &a->sum_attn, t->dx);
    const float *dadd = norm_of_added_backward(p, l, STAGE_ADD_NORM_ATTN, &a->add_attn, t->dx);
    const float *y = head_out(p, l, a);
    linear_weights(p, &merge, p->N, dadd, y);
    linear_inputs(p, &merge, p->N, dadd, t->dy);
    head_out_backward(p, l, a);
    attend_backward(p, l, a);
    gates_backward(p, l, a, GATE_VALUE, value_of(&qkv, a->qkv), ld, value_of(&qkv, t->dqkv));
    own_values_backward(p, l, a, value_of(&qkv, t->dqkv));
    tap_back(p, TAP_VALUE, l, value_of(&qkv, t->dqkv), qkv.KV * qkv.dh, ld, NULL);
    scale_values_backward(p, l, a);
    mix_values_backward(p, l);
    if (position->rotate_backward) position->rotate_backward(&rotation, t->dqkv, ld);
    if (q->backward) q->backward(&qk, t->dqkv, ld);
    phase_done(p, PHASE_POSITION, 6 * width, 16 * width);
    const float *h = norm_forward(p, l, STAGE_NORM_ATTN, a->x, t->h, a->norm_attn);
    linear_weights(p, &project, p->N, t->dqkv, h);
    linear_inputs(p, &project, p->N, t->dqkv, t->dh);
    gates_backward(p, l, a, GATE_INPUT, h, d, t->dh);
    tap_gradient(p, TAP_ATTN_IN_GRAD, l, t->dh);
    norm_backward(p, l, STAGE_NORM_ATTN, a->x, a->norm_attn, t->dh, t->dx);
    if (qkv.c->parallel) residual_add(t->dx, t->dx, t->dadd, p->N * d); /* the feed-forward's, of x too */
}

void block_backward(const Pass *p, int l) {
    Acts *a = &p->t->acts[l];
    int d = (int)p->m->config.width;
    tap_gradient(p, TAP_RESID_GRAD, l, p->t->dx);
    tap_back(p, TAP_RESID, l, p->t->dx, d, d, NULL);
    clip_backward(p, p->t->acts[l + 1].x, p->t->dx);
    mlp_backward(p, l, a);
    attention_sublayer_backward(p, l, a);
}
