#include "model/linear.h"

#include "model/bf16_weights.h"
#include "model/dropped.h"
#include "model/kernels/gemm.h"
#include "model/kernels/gemm_bf16.h"
#include "model/ops/ops.h"

static const float *weights(const Pass *p, const Linear *l) {
    return p->m->params + l->w->offset;
}

static void end(const Pass *p, const Linear *l, LinearPass pass, int64_t n) {
    double weight = pass == LINEAR_DW ? 8 : 4; /* a gradient of weights is added to */
    Work work = {2.0 * (double)(n * l->in * l->out),
                 4.0 * (double)(n * (l->in + l->out)) + weight * (double)(l->in * l->out)};
    phase_end(p->t->phases, PHASE_LINEAR + LINEAR_PASSES * l->kind + pass, work);
}

void linear_forward(const Pass *p, const Linear *l, int64_t n, const float *X, float *Y) {
    const Tape *t = p->t;
    if (t->bf16)
        gemm_bf16(n, l->out, l->in, (Factor){X, l->in, 1, NULL}, bf16_weights_forward(t->bf16_weights, l),
                  false, Y, l->ld, t->bf16);
    else
        gemm_nt(n, l->out, l->in, X, l->in, weights(p, l), l->in, 0, Y, l->ld);
    float room[l->b ? l->out : 1];
    if (l->b) bias_forward(Y, bias_left(p, l, room), n, l->out);
    end(p, l, LINEAR_FORWARD, n);
}

void linear_inputs(const Pass *p, const Linear *l, int64_t n, const float *dY, float *dX) {
    const Tape *t = p->t;
    if (t->bf16)
        gemm_bf16(n, l->in, l->out, (Factor){dY, l->ld, 1, NULL}, bf16_weights_inputs(t->bf16_weights, l),
                  false, dX, l->in, t->bf16);
    else
        gemm_nn(n, l->in, l->out, dY, l->ld, weights(p, l), l->in, 0, dX, l->in);
    end(p, l, LINEAR_DX, n);
}

/* A chunk of rows at a time, whatever the rows in flight. In bf16 a cut at a multiple of BF16_CUT changes
 * no bit: whole chunks may go in one call. */
void linear_weights(const Pass *p, const Linear *l, int64_t n, const float *dY, const float *X) {
    if (p->taps_only) return;
    int64_t chunk = (int64_t)model_chunk_rows(p->b->T) * p->b->T;
    float *dW = p->grads + l->w->offset, room[l->b ? l->out : 1];
    Kept kept;
    dropped_keep(p, l, &kept, room);
    if (!p->t->bf16) gemm_tn_cut(l->out, l->in, n, chunk, dY, l->ld, X, l->in, 1, dW, l->in);
    if (p->t->bf16 && chunk % BF16_CUT == 0) chunk = n;
    for (int64_t at = 0; p->t->bf16 && at < n; at += chunk)
        gemm_bf16(l->out, l->in, n - at < chunk ? n - at : chunk, (Factor){dY + at * l->ld, 1, l->ld, NULL},
                  (Factor){X + at * l->in, 1, l->in, NULL}, true, dW, l->in, p->t->bf16);
    if (l->b) bias_backward(dY, p->grads + l->b->offset, p->t->partial, p->b->rows, p->b->T, l->out);
    dropped_put_back(p, l, &kept);
    end(p, l, LINEAR_DW, n);
}
