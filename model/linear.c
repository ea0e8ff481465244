#include "model/linear.h"

#include "model/gemm.h"
#include "model/ops/bias.h"

static void end(const Pass *p, const Linear *l, LinearPass pass, int64_t n) {
    phase_end(p->t->phases, PHASE_LINEAR + LINEAR_PASSES * l->kind + pass,
              2.0 * (double)(n * l->in * l->out));
}

void linear_forward(const Pass *p, const Linear *l, int64_t n, const float *X, float *Y) {
    gemm_nt(n, l->out, l->in, X, l->in, l->w, l->in, 0, Y, l->out);
    if (l->b) bias_forward(Y, l->b, n, l->out);
    end(p, l, LINEAR_FORWARD, n);
}

void linear_inputs(const Pass *p, const Linear *l, int64_t n, const float *dY, float *dX) {
    gemm_nn(n, l->in, l->out, dY, l->out, l->w, l->in, 0, dX, l->in);
    end(p, l, LINEAR_DX, n);
}

void linear_weights(const Pass *p, const Linear *l, int64_t n, const float *dY, const float *X) {
    int64_t grain = (int64_t)model_grain_rows(p->b->T) * p->b->T;
    for (int64_t at = 0; at < n; at += grain) {
        int64_t k = n - at < grain ? n - at : grain;
        gemm_tn(l->out, l->in, k, dY + at * l->out, l->out, X + at * l->in, l->in, 1, l->dw, l->in);
    }
    if (l->db) bias_backward(dY, l->db, p->t->partial, p->b->rows, p->b->T, l->out);
    end(p, l, LINEAR_DW, n);
}
