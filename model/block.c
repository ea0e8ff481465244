#include "model/block.h"

#include "model/gemm.h"
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
}

void grad_weights(const Pass *p, const float *dY, int64_t out, const float *X, int64_t in, float *dW) {
    int64_t grain = (int64_t)model_grain_rows(p->b->T) * p->b->T;
    for (int64_t n = 0; n < p->N; n += grain) {
        int64_t k = p->N - n < grain ? p->N - n : grain;
        gemm_tn(out, in, k, dY + n * out, out, X + n * in, in, 1, dW, in);
    }
}

static AttentionShape attention_shape(const Pass *p, const Ctx *c) {
    return (AttentionShape){p->b->rows, p->b->T,          c->H, c->dh, 3 * (int64_t)c->H * c->dh,
                            p->b->lo,   (int)c->c->window};
}

static void attention_stage(const Pass *p, const Ctx *c, Acts *a) {
    AttentionShape shape = attention_shape(p, c);
    attention_forward(&attention_slots[c->c->attention], &shape, a->qkv, a->o, a->stat, p->t->attention,
                      &p->t->observers, c->layer, p->b->row0);
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
    return p->t->y;
}

static void attention_sublayer(const Pass *p, int l, Acts *a) {
    Tape *t = p->t;
    Ctx norm = stage_ctx(p, l, STAGE_NORM_ATTN), qkv = stage_ctx(p, l, STAGE_QKV);
    Ctx qk = stage_ctx(p, l, STAGE_QK), turn = stage_ctx(p, -1, STAGE_POSITION);
    Ctx attention = stage_ctx(p, l, STAGE_ATTENTION), out = stage_ctx(p, l, STAGE_OUT);
    int64_t d = norm.d, width = (int64_t)norm.H * norm.dh;
    const QkSlot *q = &qk_slots[qk.c->qk];
    const PositionSlot *position = &position_slots[turn.c->position];

    norm_slots[norm.c->norm].forward(&norm, a->x, t->h, a->norm_attn);
    tap(p, TAP_ATTN_IN, l, t->h, (int)d, NULL);
    gemm_nt(p->N, 3 * width, d, t->h, d, qkv.w[0], d, 0, a->qkv, 3 * width);
    if (q->forward) q->forward(&qk, a->qkv, 3 * width);
    if (position->rotate_forward) position->rotate_forward(&turn, a->qkv, 3 * width);
    attention_stage(p, &attention, a);
    const float *y = head_out_stage(p, l, a->o);
    tap(p, TAP_HEAD_OUT, l, (float *)y, (int)width, NULL);
    gemm_nt(p->N, d, width, y, width, out.w[0], width, 0, t->add, d);
    tap(p, TAP_ATTN_ADD, l, t->add, (int)d, NULL);
    residual_add(a->mid, a->x, t->add, p->N * d);
}

static void mlp_sublayer(const Pass *p, int l, Acts *a, float *x_next) {
    Tape *t = p->t;
    Ctx norm = stage_ctx(p, l, STAGE_NORM_MLP), mlp = stage_ctx(p, l, STAGE_MLP);
    const MlpSlot *slot = &mlp_slots[mlp.c->mlp];
    int64_t d = mlp.d, f = mlp.f, in = slot->parts * f;

    norm_slots[norm.c->norm].forward(&norm, a->mid, t->h, a->norm_mlp);
    tap(p, TAP_MLP_IN, l, t->h, (int)d, NULL);
    gemm_nt(p->N, in, d, t->h, d, mlp.w[0], d, 0, a->hid, in);
    slot->forward(&mlp, a->hid, t->s);
    tap(p, TAP_MLP_HIDDEN, l, t->s, (int)f, NULL);
    gemm_nt(p->N, d, f, t->s, f, mlp.w[slot->parts], f, 0, t->add, d);
    tap(p, TAP_MLP_OUT, l, t->add, (int)d, NULL);
    residual_add(x_next, a->mid, t->add, p->N * d);
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

    gemm_nn(p->N, f, d, t->dx, d, mlp.w[slot->parts], f, 0, t->ds, f);
    slot->backward(&mlp, a->hid, t->ds, t->s);
    grad_weights(p, t->dx, d, t->s, f, mlp.dw[slot->parts]);
    n->forward(&norm, a->mid, t->h, a->norm_mlp); /* cheaper to make again than to keep */
    grad_weights(p, a->hid, in, t->h, d, mlp.dw[0]);
    gemm_nn(p->N, d, in, a->hid, in, mlp.w[0], d, 0, t->dh, d);
    n->backward(&norm, a->mid, a->norm_mlp, t->dh, t->dx);
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

    const float *y = head_out_stage(p, l, a->o);
    grad_weights(p, t->dx, d, y, width, out.dw[0]);
    gemm_nn(p->N, width, d, t->dx, d, out.w[0], width, 0, t->dy, width);
    if (transform->backward) transform->backward(&head_out, a->o, t->dy);
    attention_backward(&attention_slots[qkv.c->attention], &shape, a->qkv, a->o, a->stat, t->dy, t->dqkv,
                       t->attention);
    if (position->rotate_backward) position->rotate_backward(&turn, t->dqkv, 3 * width);
    if (q->backward) q->backward(&qk, t->dqkv, 3 * width);
    n->forward(&norm, a->x, t->h, a->norm_attn);
    grad_weights(p, t->dqkv, 3 * width, t->h, d, qkv.dw[0]);
    gemm_nn(p->N, d, 3 * width, t->dqkv, 3 * width, qkv.w[0], d, 0, t->dh, d);
    n->backward(&norm, a->x, a->norm_attn, t->dh, t->dx);
}

void block_backward(const Pass *p, int l) {
    Acts *a = &p->t->acts[l];
    mlp_backward(p, l, a);
    attention_sublayer_backward(p, l, a);
}
