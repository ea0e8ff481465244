#include "model/block.h"

#include "model/linear.h"
#include "model/ops/attention.h"
#include "model/ops/residual.h"

#include <math.h>

Ctx stage_ctx(const Pass *p, int layer, Stage s) {
    const ModelConfig *c = &p->m->config;
    Ctx x = {.c = c,
             .layer = layer,
             .B = p->b->rows,
             .T = p->b->T,
             .N = p->N,
             .d = (int)c->width,
             .H = (int)c->heads,
             .dh = (int)(c->width / c->heads),
             .f = (int)c->mlp_width,
             .partial = p->t->partial,
             .turn = p->t->turn};
    if (layer >= 0) x.saved = p->t->acts[layer].saved;
    const Tensor *tensor;
    for (int i = 0; i < SLOT_TENSORS && (tensor = model_tensor(p->m, layer, s, i)); i++) {
        x.w[i] = p->m->params + tensor->offset;
        x.dw[i] = p->grads ? p->grads + tensor->offset : NULL;
    }
    return x;
}

void tap(const Pass *p, TapPoint at, int layer, float *data, int width, const Heads *heads) {
    if (!p->t->observers.n || !taps_want(&p->t->observers, at)) return;
    taps_see(&p->t->observers, &(View){at, layer, p->b->row0, p->b->rows, p->b->T, 0, p->N, width, width,
                                       data, p->b->lo, heads});
    lap(p, PHASE_INSTRUMENTS, 0);
}

/* A layer's linear map; its weights are the first of the stage's, or all of a gated MLP's input. */
static Linear linear_of(LinearKind kind, const Ctx *c, int tensor, int64_t in, int64_t out) {
    return (Linear){kind, c->w[tensor], c->dw[tensor], in, out};
}

/* Multiply-adds of Q K^T for a token and a layer, counting only the keys that the causal mask and the window
 * leave. */
static double score_work(const Pass *p) {
    double T = p->b->T, w = (double)p->m->config.window;
    double keys = w && w < T ? w - w * (w - 1) / (2 * T) : (T + 1) / 2;
    return keys * (double)p->m->config.width;
}

static AttentionShape attention_shape(const Pass *p, const Ctx *c) {
    return (AttentionShape){p->b->rows, p->b->T,          c->H, c->dh, 3 * (int64_t)c->H * c->dh,
                            p->b->lo,   (int)c->c->window};
}

static void attention_stage(const Pass *p, const Ctx *c, Acts *a) {
    AttentionShape shape = attention_shape(p, c);
    attention_forward(&attention_slots[c->c->attention], &shape, a->qkv, a->o, a->stat, p->t->attention,
                      &p->t->observers, c->layer, p->b->row0);
    lap(p, PHASE_ATTENTION_FORWARD, 4 * score_work(p)); /* Q K^T, A V */
    int64_t width = (int64_t)c->H * c->dh;
    Heads heads = {c->H,
                   c->dh,
                   a->qkv,
                   a->qkv + width,
                   a->qkv + 2 * width,
                   shape.ld,
                   1,
                   a->stat,
                   1.0f / sqrtf((float)c->dh)};
    tap(p, TAP_ATTN_OUT, c->layer, a->o, (int)width, &heads);
}

/* y = head_out(o): o itself where the slot does nothing. */
static const float *head_out_stage(const Pass *p, int l, const float *o) {
    Ctx c = stage_ctx(p, l, STAGE_HEAD_OUT);
    const HeadOutSlot *slot = &head_out_slots[c.c->head_out];
    if (!slot->forward) return o;
    slot->forward(&c, o, p->t->y);
    lap(p, PHASE_HEAD_OUT, 8 * c.d);
    return p->t->y;
}

static void attention_sublayer(const Pass *p, int l, Acts *a) {
    Tape *t = p->t;
    Ctx norm = stage_ctx(p, l, STAGE_NORM_ATTN), qkv = stage_ctx(p, l, STAGE_QKV);
    Ctx qk = stage_ctx(p, l, STAGE_QK), turn = stage_ctx(p, -1, STAGE_POSITION);
    Ctx attention = stage_ctx(p, l, STAGE_ATTENTION), out = stage_ctx(p, l, STAGE_OUT);
    int64_t d = norm.d, width = (int64_t)norm.H * norm.dh;
    Linear project = linear_of(LINEAR_QKV, &qkv, 0, d, 3 * width);
    Linear merge = linear_of(LINEAR_OUT, &out, 0, width, d);
    const QkSlot *q = &qk_slots[qk.c->qk];
    const PositionSlot *position = &position_slots[turn.c->position];

    norm_slots[norm.c->norm].forward(&norm, a->x, t->h, a->norm_attn);
    lap(p, PHASE_NORM, 8 * d);
    tap(p, TAP_ATTN_IN, l, t->h, (int)d, NULL);
    linear_forward(p, &project, p->N, t->h, a->qkv);
    if (q->forward) q->forward(&qk, a->qkv, 3 * width);
    if (position->rotate_forward) position->rotate_forward(&turn, a->qkv, 3 * width);
    lap(p, PHASE_POSITION, 16 * width);
    attention_stage(p, &attention, a);
    const float *y = head_out_stage(p, l, a->o);
    tap(p, TAP_HEAD_OUT, l, (float *)y, (int)width, NULL);
    linear_forward(p, &merge, p->N, y, t->add);
    tap(p, TAP_ATTN_ADD, l, t->add, (int)d, NULL);
    residual_add(a->mid, a->x, t->add, p->N * d);
    lap(p, PHASE_RESIDUAL, 12 * d);
}

static void mlp_sublayer(const Pass *p, int l, Acts *a, float *x_next) {
    Tape *t = p->t;
    Ctx norm = stage_ctx(p, l, STAGE_NORM_MLP), mlp = stage_ctx(p, l, STAGE_MLP);
    const MlpSlot *slot = &mlp_slots[mlp.c->mlp];
    int64_t d = mlp.d, f = mlp.f, in = slot->parts * f;
    Linear widen = linear_of(LINEAR_MLP_IN, &mlp, 0, d, in);
    Linear narrow = linear_of(LINEAR_MLP_DOWN, &mlp, slot->parts, f, d);

    norm_slots[norm.c->norm].forward(&norm, a->mid, t->h, a->norm_mlp);
    lap(p, PHASE_NORM, 8 * d);
    tap(p, TAP_MLP_IN, l, t->h, (int)d, NULL);
    linear_forward(p, &widen, p->N, t->h, a->hid);
    slot->forward(&mlp, a->hid, t->s);
    lap(p, PHASE_ACTIVATION, 4 * (in + f));
    tap(p, TAP_MLP_HIDDEN, l, t->s, (int)f, NULL);
    linear_forward(p, &narrow, p->N, t->s, t->add);
    tap(p, TAP_MLP_OUT, l, t->add, (int)d, NULL);
    residual_add(x_next, a->mid, t->add, p->N * d);
    lap(p, PHASE_RESIDUAL, 12 * d);
}

/* h = norm(x); q, k, v = h W; o = attention(q, k, v); mid = x + head_out(o) W_O
 * x' = mid + W_down act(norm(mid) W_in) */
void block_forward(const Pass *p, int l) {
    Acts *a = &p->t->acts[l];
    float *x_next = p->t->acts[l + 1].x;
    attention_sublayer(p, l, a);
    mlp_sublayer(p, l, a, x_next);
    tap(p, TAP_RESID, l, x_next, (int)p->m->config.width, NULL);
}

/* forward: x' = mid + s W_down^T, s = act(hid), hid = h W_in^T, h = norm(mid) */
static void mlp_backward(const Pass *p, int l, Acts *a) {
    Tape *t = p->t;
    Ctx norm = stage_ctx(p, l, STAGE_NORM_MLP), mlp = stage_ctx(p, l, STAGE_MLP);
    const MlpSlot *slot = &mlp_slots[mlp.c->mlp];
    const NormSlot *n = &norm_slots[norm.c->norm];
    int64_t d = mlp.d, f = mlp.f, in = slot->parts * f;
    Linear widen = linear_of(LINEAR_MLP_IN, &mlp, 0, d, in);
    Linear narrow = linear_of(LINEAR_MLP_DOWN, &mlp, slot->parts, f, d);

    linear_inputs(p, &narrow, p->N, t->dx, t->ds);
    slot->backward(&mlp, a->hid, t->ds, t->s);
    lap(p, PHASE_ACTIVATION, 8 * (in + f));
    linear_weights(p, &narrow, p->N, t->dx, t->s);
    n->forward(&norm, a->mid, t->h, a->norm_mlp); /* cheaper to make again than to keep */
    lap(p, PHASE_NORM, 8 * d);
    linear_weights(p, &widen, p->N, a->hid, t->h);
    linear_inputs(p, &widen, p->N, a->hid, t->dh);
    n->backward(&norm, a->mid, a->norm_mlp, t->dh, t->dx);
    lap(p, PHASE_NORM, 16 * d);
}

/* forward: mid = x + y W_O^T, y = head_out(o), o = attention(qkv), qkv = norm(x) W^T */
static void attention_sublayer_backward(const Pass *p, int l, Acts *a) {
    Tape *t = p->t;
    Ctx norm = stage_ctx(p, l, STAGE_NORM_ATTN), qkv = stage_ctx(p, l, STAGE_QKV);
    Ctx qk = stage_ctx(p, l, STAGE_QK), turn = stage_ctx(p, -1, STAGE_POSITION);
    Ctx head_out = stage_ctx(p, l, STAGE_HEAD_OUT), out = stage_ctx(p, l, STAGE_OUT);
    const NormSlot *n = &norm_slots[norm.c->norm];
    const QkSlot *q = &qk_slots[qk.c->qk];
    const PositionSlot *position = &position_slots[turn.c->position];
    const HeadOutSlot *transform = &head_out_slots[head_out.c->head_out];
    int64_t d = norm.d, width = (int64_t)norm.H * norm.dh;
    AttentionShape shape = attention_shape(p, &qkv);
    Linear project = linear_of(LINEAR_QKV, &qkv, 0, d, 3 * width);
    Linear merge = linear_of(LINEAR_OUT, &out, 0, width, d);

    const float *y = head_out_stage(p, l, a->o);
    linear_weights(p, &merge, p->N, t->dx, y);
    linear_inputs(p, &merge, p->N, t->dx, t->dy);
    if (transform->backward) transform->backward(&head_out, a->o, t->dy);
    lap(p, PHASE_HEAD_OUT, transform->backward ? 12 * width : 0);
    attention_backward(&attention_slots[qkv.c->attention], &shape, a->qkv, a->o, a->stat, t->dy, t->dqkv,
                       t->attention);
    lap(p, PHASE_ATTENTION_BACKWARD,
        8 * score_work(p)); /* twice the forward: the scores made again not counted */
    if (position->rotate_backward) position->rotate_backward(&turn, t->dqkv, 3 * width);
    if (q->backward) q->backward(&qk, t->dqkv, 3 * width);
    lap(p, PHASE_POSITION, 16 * width);
    n->forward(&norm, a->x, t->h, a->norm_attn);
    lap(p, PHASE_NORM, 8 * d);
    linear_weights(p, &project, p->N, t->dqkv, t->h);
    linear_inputs(p, &project, p->N, t->dqkv, t->dh);
    n->backward(&norm, a->x, a->norm_attn, t->dh, t->dx);
    lap(p, PHASE_NORM, 16 * d);
}

void block_backward(const Pass *p, int l) {
    Acts *a = &p->t->acts[l];
    mlp_backward(p, l, a);
    attention_sublayer_backward(p, l, a);
}
