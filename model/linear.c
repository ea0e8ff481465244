#include "model/linear.h"

#include "model/gemm.h"
#include "model/gemm_bf16.h"
#include "model/ops/bias.h"

static void end(const Pass *p, const Linear *l, LinearPass pass, int64_t n) {
    phase_end(p->t->phases, PHASE_LINEAR + LINEAR_PASSES * l->kind + pass,
              2.0 * (double)(n * l->in * l->out));
}

void linear_forward(const Pass *p, const Linear *l, int64_t n, const float *X, float *Y) {
    uint16_t *room = p->t->bf16;
    if (room)
        gemm_bf16(n, l->out, l->in, (Factor){X, l->in, 1}, (Factor){l->w, l->in, 1}, false, Y, l->out, room);
    else
        gemm_nt(n, l->out, l->in, X, l->in, l->w, l->in, 0, Y, l->out);
    if (l->b) bias_forward(Y, l->b, n, l->out);
    end(p, l, LINEAR_FORWARD, n);
}

void linear_inputs(const Pass *p, const Linear *l, int64_t n, const float *dY, float *dX) {
    uint16_t *room = p->t->bf16;
    if (room)
        gemm_bf16(n, l->in, l->out, (Factor){dY, l->out, 1}, (Factor){l->w, 1, l->in}, false, dX, l->in,
                  room);
    else
        gemm_nn(n, l->in, l->out, dY, l->out, l->w, l->in, 0, dX, l->in);
    end(p, l, LINEAR_DX, n);
}

static void add_products(const Pass *p, const Linear *l, int64_t k, const float *dY, const float *X) {
    uint16_t *room = p->t->bf16;
    if (room)
        gemm_bf16(l->out, l->in, k, (Factor){dY, 1, l->out}, (Factor){X, 1, l->in}, true, l->dw, l->in, room);
    else
        gemm_tn(l->out, l->in, k, dY, l->out, X, l->in, 1, l->dw, l->in);
}

/* In bf16 the kernel itself cuts k: whole depths may go in one call. */
void linear_weights(const Pass *p, const Linear *l, int64_t n, const float *dY, const float *X) {
    int64_t grain = (int64_t)model_grain_rows(p->b->T) * p->b->T;
    if (p->t->bf16 && grain % BF16_DEPTH == 0) grain = n;
    for (int64_t at = 0; at < n; at += grain)
        add_products(p, l, n - at < grain ? n - at : grain, dY + at * l->out, X + at * l->in);
    if (l->db) bias_backward(dY, l->db, p->t->partial, p->b->rows, p->b->T, l->out);
    end(p, l, LINEAR_DW, n);
}
