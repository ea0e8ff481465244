#include "tests/model/naive_forward.h"

#include "tests/model/support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

ModelConfig naive_config(void) {
    ModelConfig c = small_config();
    c.position = row_named(SLOT_POSITION, "none");
    return c;
}

static double *doubles(int64_t n) {
    double *x = calloc((size_t)n, sizeof *x);
    assert_non_null(x);
    return x;
}

double *naive_at(const Forward *f, double *of, int width, int layer, int t) {
    return of + ((int64_t)layer * f->T + t) * width;
}

static const float *tensor(const Model *m, int layer, Stage s, int i) {
    return m->params + model_tensor(m, layer, s, i)->offset;
}

static void times(const float *W, int rows, int cols, const double *x, double *y) {
    for (int r = 0; r < rows; r++) {
        y[r] = 0;
        for (int c = 0; c < cols; c++) y[r] += (double)W[r * cols + c] * x[c];
    }
}

static void normed(const float *gain, const double *x, double *h, int d) {
    double square = 0;
    for (int j = 0; j < d; j++) square += x[j] * x[j];
    for (int j = 0; j < d; j++) h[j] = (double)gain[j] * x[j] / sqrt(square / d + 1e-5);
}

static bool sees(const ModelConfig *c, const int32_t *doc_start, int q, int k) {
    bool near = !c->window || q - k < c->window, kept = k - doc_start[q] < c->window_keep;
    bool before = k <= q || (q < c->prefix && k < c->prefix);
    return before && doc_start[k] == doc_start[q] && (near || kept);
}

static double capped(double x, double c) {
    return c > 0 ? c * tanh(x / c) : x;
}

/* A = softmax(q.k / sqrt(dh)) of one query and head, o += A v */
static void naive_query(const Forward *f, const int32_t *doc_start, int l, int h, int q) {
    int dh = f->D / f->H, from = h * dh;
    double *A = f->A + (((int64_t)l * f->H + h) * f->T + q) * f->T, sum = 0;
    for (int k = 0; k < f->T; k++) {
        double dot = 0;
        for (int j = from; j < from + dh; j++)
            dot += naive_at(f, f->q, f->D, l, q)[j] * naive_at(f, f->k, f->D, l, k)[j];
        double score = capped(dot / sqrt(dh), f->m->config.logit_cap);
        A[k] = sees(&f->m->config, doc_start, q, k) ? exp(score) : 0;
        sum += A[k];
    }
    for (int k = 0; k < f->T; k++) A[k] /= sum;
    for (int k = 0; k < f->T; k++)
        for (int j = from; j < from + dh; j++)
            naive_at(f, f->o, f->D, l, q)[j] += A[k] * naive_at(f, f->v, f->D, l, k)[j];
}

static void nudge(const Forward *f, int l, bool input, int t, double *x) {
    if (!f->nudge || f->nudge->layer != l || f->nudge->input != input) return;
    for (int j = 0; j < f->D; j++) x[j] += f->nudge->by[t * f->D + j];
}

static void naive_attention(const Forward *f, const int32_t *doc_start, int l) {
    double *const of[] = {f->q, f->k, f->v}, h[f->D];
    for (int t = 0; t < f->T; t++) {
        nudge(f, l, false, t, naive_at(f, f->x, f->D, l, t));
        normed(tensor(f->m, l, STAGE_NORM_ATTN, 0), naive_at(f, f->x, f->D, l, t), h, f->D);
        nudge(f, l, true, t, h);
        for (int i = 0; i < 3; i++)
            times(tensor(f->m, l, STAGE_QKV, i), f->D, f->D, h, naive_at(f, of[i], f->D, l, t));
    }
    for (int t = 0; t < f->T; t++) {
        double *add = naive_at(f, f->add, f->D, l, t);
        for (int head = 0; head < f->H; head++) naive_query(f, doc_start, l, head, t);
        times(tensor(f->m, l, STAGE_OUT, 0), f->D, f->D, naive_at(f, f->o, f->D, l, t), add);
        for (int j = 0; j < f->D; j++) naive_at(f, f->x, f->D, l, t)[j] += add[j];
    }
}

static void naive_mlp(const Forward *f, int l, int t) {
    double *x = naive_at(f, f->x, f->D, l, t), *h = naive_at(f, f->in, f->D, l, t);
    double *s = naive_at(f, f->hidden, f->F, l, t), gate[f->F], add[f->D];
    normed(tensor(f->m, l, STAGE_NORM_MLP, 0), x, h, f->D);
    times(tensor(f->m, l, STAGE_MLP, 0), f->F, f->D, h, gate);
    times(tensor(f->m, l, STAGE_MLP, 1), f->F, f->D, h, s);
    for (int i = 0; i < f->F; i++) s[i] *= gate[i] / (1 + exp(-gate[i]));
    times(tensor(f->m, l, STAGE_MLP, 2), f->D, f->F, s, add);
    for (int j = 0; j < f->D; j++) x[j] += add[j];
}

void naive_embed(const Model *m, const int32_t *x, int T, double *x0) {
    int64_t d = m->config.width;
    for (int64_t i = 0; i < T * d; i++) x0[i] = (double)tensor(m, -1, STAGE_EMBED, 0)[x[i / d] * d + i % d];
}

Forward naive_from(const Model *m, const double *x0, const int32_t *doc_start, int T) {
    return naive_nudged(m, x0, doc_start, T, NULL);
}

Forward naive_nudged(const Model *m, const double *x0, const int32_t *doc_start, int T, const Nudge *nudge) {
    const ModelConfig *c = &m->config;
    Forward f = {.m = m, .nudge = nudge, .T = T, .L = (int)c->layers, .H = (int)c->heads};
    f.D = (int)c->width, f.F = (int)c->mlp_width;
    double **const narrow[] = {&f.q, &f.k, &f.v, &f.o, &f.add, &f.in, &f.x};
    int64_t stream = (int64_t)T * f.D;
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) *narrow[i] = doubles(f.L * stream);
    f.hidden = doubles((int64_t)f.L * T * f.F);
    f.A = doubles((int64_t)f.L * f.H * T * T);
    for (int l = 0; l < f.L; l++) {
        memcpy(f.x + l * stream, l ? f.x + (l - 1) * stream : x0, (size_t)stream * sizeof *f.x);
        naive_attention(&f, doc_start, l);
        for (int t = 0; t < T; t++) naive_mlp(&f, l, t);
    }
    return f;
}

Forward naive_forward(const Model *m, const int32_t *x, const int32_t *doc_start, int T) {
    double *x0 = doubles(T * m->config.width);
    naive_embed(m, x, T, x0);
    Forward f = naive_from(m, x0, doc_start, T);
    free(x0);
    return f;
}

void naive_free(Forward *f) {
    double *const all[] = {f->A, f->q, f->k, f->v, f->o, f->add, f->in, f->hidden, f->x};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

double naive_loss(const Forward *f, int layer, int t, int32_t target) {
    int V = (int)f->m->config.vocab;
    double h[f->D], logits[V], total = 0;
    normed(tensor(f->m, -1, STAGE_NORM_FINAL, 0), naive_at(f, f->x, f->D, layer, t), h, f->D);
    times(tensor(f->m, -1, STAGE_HEAD, 0), V, f->D, h, logits);
    for (int v = 0; v < V; v++) logits[v] = capped(logits[v], f->m->config.final_logit_cap);
    for (int v = 0; v < V; v++) total += exp(logits[v]);
    return log(total) - logits[target];
}
