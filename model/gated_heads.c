#include "model/gated_heads.h"

#include "model/kernels/gemm.h"
#include "model/ops/ops.h"

/* A layer's gates: how many, and what they are a linear function of. */
typedef struct Gates {
    const float *W;
    float *dW;
    int a_head; /* gates a head: d_head, or 1 */
    int64_t n;  /* gates a token */
    int64_t in; /* floats a token of their input */
} Gates;

static const HeadOutSlot *slot_of(const Pass *p) {
    return &head_out_slots[p->m->config.head_out];
}

static Gates gates_of(const Pass *p, int l) {
    Ctx c = stage_ctx(p, l, STAGE_HEAD_OUT);
    const HeadOutSlot *slot = slot_of(p);
    const Tensor *t = model_tensor(p->m, l, STAGE_HEAD_OUT, slot->gate_tensor);
    return (Gates){c.w[slot->gate_tensor], c.dw[slot->gate_tensor], (int)(t->rows / c.H), t->rows, t->cols};
}

/* dW += dY^T X, a chunk of rows at a time, in row order. X (N, in) in rows of ldx. */
static void grad_gates(const Pass *p, const Gates *g, const float *dY, const float *X, int64_t ldx) {
    int64_t chunk = (int64_t)model_chunk_rows(p->b->T) * p->b->T;
    gemm_tn_cut(g->n, g->in, p->N, chunk, dY, g->n, X, ldx, 1, g->dW, g->in);
}

void gates_forward(const Pass *p, int l, Acts *a, const float *h) {
    const HeadOutSlot *slot = slot_of(p);
    if (!slot->gate) return;
    Gates g = gates_of(p, l);
    Ctx c = stage_ctx(p, l, STAGE_HEAD_OUT);
    bool value = slot->gate == GATE_VALUE;
    const float *X = value ? a->qkv + (int64_t)(c.H + c.KV) * c.dh : h;
    gemm_nt(p->N, g.n, g.in, X, value ? c.ld : c.d, g.W, g.in, 0, a->gate, g.n);
    gate_open(a->gate, p->N * g.n);
    phase_done(p, PHASE_HEAD_OUT, 2 * (double)(g.n * g.in), 4 * (double)(g.n + g.in));
}

/* The stage's Ctx. In the backward t->y, whose own floats are read by then, has room for the values'
 * gradient. */
static Ctx heads_ctx(const Pass *p, int l, const Acts *a) {
    Ctx c = stage_ctx(p, l, STAGE_HEAD_OUT);
    c.v = a->qkv + (int64_t)(c.H + c.KV) * c.dh;
    c.dv = p->t->y;
    return c;
}

/* norm(o), or o where there is no norm. */
static const float *normed(const Pass *p, int l, const Acts *a) {
    Ctx c = heads_ctx(p, l, a);
    if (!slot_of(p)->forward) return a->o;
    slot_of(p)->forward(&c, a->o, p->t->y);
    phase_done(p, PHASE_HEAD_OUT, 4 * c.d, 8 * c.d);
    return p->t->y;
}

const float *head_out(const Pass *p, int l, const Acts *a) {
    Ctx c = stage_ctx(p, l, STAGE_HEAD_OUT);
    const float *y = normed(p, l, a);
    if (!slot_of(p)->gate) return y;
    gate_forward(y, a->gate, p->t->y, p->N, c.H, c.dh, gates_of(p, l).a_head);
    return p->t->y;
}

/* forward: y = normed g   so   dnormed = g dy, and the norm's own way back */
void head_out_backward(const Pass *p, int l, Acts *a) {
    Ctx c = heads_ctx(p, l, a);
    const HeadOutSlot *slot = slot_of(p);
    if (slot->gate) gate_backward(normed(p, l, a), a->gate, p->t->dy, p->N, c.H, c.dh, gates_of(p, l).a_head);
    if (slot->backward) slot->backward(&c, a->o, p->t->dy);
    phase_done(p, PHASE_HEAD_OUT, slot->backward ? 10 * c.d : 0, slot->backward ? 12 * c.d : 0);
}

void gates_backward(const Pass *p, int l, const Acts *a, GateFrom from, const float *X, int64_t ldx,
                    float *dX) {
    if (slot_of(p)->gate != from) return;
    Gates g = gates_of(p, l);
    grad_gates(p, &g, a->gate, X, ldx);
    gemm_nn(p->N, g.in, g.n, a->gate, g.n, g.W, g.in, 1, dX, ldx);
    phase_done(p, PHASE_HEAD_OUT, 4 * (double)(g.n * g.in), 8 * (double)(g.n + g.in));
}

void own_values_backward(const Pass *p, int l, const Acts *a, float *dv) {
    if (!slot_of(p)->own) return;
    Ctx c = heads_ctx(p, l, a);
    int64_t keys = (int64_t)c.KV * c.dh;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < p->N; n++)
        for (int64_t i = 0; i < keys; i++) dv[n * c.ld + i] += c.dv[n * keys + i];
}
