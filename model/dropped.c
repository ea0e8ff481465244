#include "model/dropped.h"

#include <string.h>

static Entries entries_of(const Pass *p, int layer) {
    return p->t->changes ? changes_entries(p->t->changes, layer) : (Entries){0};
}

/* As a product of this pass takes it: in bf16 rounded to the nearest even. */
static float factor(const Pass *p, float x) {
    uint32_t bits;
    if (!p->t->bf16) return x;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000u;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* out[n][to] -= w in[n][from] */
static void take_out(const Pass *p, float w, const float *in, int64_t ldin, int from, float *out,
                     int64_t ldout, int to) {
    for (int64_t n = 0; n < p->N; n++) out[n * ldout + to] -= factor(p, w) * factor(p, in[n * ldin + from]);
}

void drop_weights(const Pass *p, int l, const float *s, float *Y) {
    Entries e = entries_of(p, l);
    Linear down = linear_of(p->m, LINEAR_MLP_DOWN, l);
    for (int i = 0; i < e.n; i++)
        take_out(p, p->m->params[down.w->offset + (size_t)(e.at[i].row * down.in + e.at[i].col)], s, down.in,
                 e.at[i].col, Y, down.out, e.at[i].row);
}

void drop_weights_backward(const Pass *p, int l, const float *dY, float *ds) {
    Entries e = entries_of(p, l);
    Linear down = linear_of(p->m, LINEAR_MLP_DOWN, l);
    for (int i = 0; i < e.n; i++)
        take_out(p, p->m->params[down.w->offset + (size_t)(e.at[i].row * down.in + e.at[i].col)], dY,
                 down.out, e.at[i].row, ds, down.in, e.at[i].col);
}

/* Which of a linear layer's adjacent biases are which. */
static BiasPart first_part(LinearKind kind, const MlpSlot *mlp) {
    const BiasPart first[LINEARS] = {[LINEAR_QKV] = BIAS_Q,
                                     [LINEAR_OUT] = BIAS_O,
                                     [LINEAR_MLP_IN] = mlp->parts == 2 ? BIAS_GATE : BIAS_UP,
                                     [LINEAR_MLP_DOWN] = BIAS_DOWN};
    return first[kind];
}

/* Bit i: the i-th of the layer's tensors of biases is off. */
static uint32_t biases_off(const Pass *p, const Linear *l) {
    if (!l->b || !p->t->changes || l->kind == LINEAR_HEAD) return 0;
    return changes_biases(p->t->changes, l->layer) >> first_part(l->kind, &mlp_slots[p->m->config.mlp]);
}

/* to[i] = from[i], or 0 where there is no `from`, of the biases that are off. */
static void set_off(const Linear *l, uint32_t off, float *to, const float *from) {
    int64_t at = 0;
    for (const Tensor *b = l->b; at < l->out; at += b->rows, b++, off >>= 1)
        for (int64_t i = at; off & 1 && i < at + b->rows; i++) to[i] = from ? from[i] : 0;
}

const float *bias_left(const Pass *p, const Linear *l, float *room) {
    const float *bias = p->m->params + l->b->offset;
    uint32_t off = biases_off(p, l);
    if (!off) return bias;
    memcpy(room, bias, (size_t)l->out * sizeof *room);
    set_off(l, off, room, NULL);
    return room;
}

void dropped_keep(const Pass *p, const Linear *l, Kept *k, float *room) {
    Entries e = l->kind == LINEAR_MLP_DOWN ? entries_of(p, l->layer) : (Entries){0};
    const float *dW = p->grads + l->w->offset;
    for (int i = 0; i < e.n; i++) k->weight[i] = dW[e.at[i].row * l->in + e.at[i].col];
    k->bias = biases_off(p, l) ? room : NULL;
    if (k->bias) memcpy(room, p->grads + l->b->offset, (size_t)l->out * sizeof *room);
}

void dropped_put_back(const Pass *p, const Linear *l, const Kept *k) {
    Entries e = l->kind == LINEAR_MLP_DOWN ? entries_of(p, l->layer) : (Entries){0};
    float *dW = p->grads + l->w->offset;
    for (int i = e.n; i-- > 0;) dW[e.at[i].row * l->in + e.at[i].col] = k->weight[i];
    if (k->bias) set_off(l, biases_off(p, l), p->grads + l->b->offset, k->bias);
}
