#include "tests/model/support.h"

#include "data/base/rng.h"
#include "model/slots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 160 };

void release(void *pointer) {
    free(*(void **)pointer);
}

static void *room(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size);
    assert_non_null(p);
    return p;
}

float *normals(uint64_t seed, size_t n, double std) {
    float *x = room(n, sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = (float)(std * rng_normal(seed, RNG_TEST, 0, i));
    return x;
}

float *constants(size_t n, float value) {
    float *x = room(n, sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = value;
    return x;
}

double *doubles_of(const float *x, size_t n) {
    double *y = room(n, sizeof *y);
    for (size_t i = 0; i < n; i++) y[i] = x[i];
    return y;
}

static const char *row_checked;

void check_row(const char *name) {
    row_checked = name;
}

/* Written so that a NaN anywhere fails. */
static void judge(const char *what, double error, double norm, double roundings) {
    double deep = 4 * roundings * 0x1p-24, allowed = deep * deep;
    if (error <= allowed * norm) return;
    const char *row = row_checked ? row_checked : "";
    row_checked = NULL; /* the next test's checks are of something else */
    fail_msg("%s%s%s: NMSE %g, allowed %g", row, *row ? ": " : "", what, error / norm, allowed);
}

void check_close(const char *what, const float *got, const double *want, size_t n, double roundings) {
    double error = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        error += (got[i] - want[i]) * (got[i] - want[i]);
        norm += want[i] * want[i];
    }
    judge(what, error, norm, roundings);
}

void check_forward(const Naive *f, const float *const *in, const float *out, double roundings) {
    const double *wide[NAIVE_INPUTS] = {0};
    for (int i = 0; i < f->inputs; i++) wide[i] = doubles_of(in[i], f->n[i]);
    OWNED double *want = room(f->n_out, sizeof *want);
    f->forward(f->shape, wide, want);
    check_close("forward", out, want, f->n_out, roundings);
    for (int i = 0; i < f->inputs; i++) free((void *)wide[i]);
}

/* sum dout out at the inputs, with `at` moved by h. */
static double moved(const Naive *f, const double *const *in, const float *dout, double *at, double h,
                    double *out) {
    double was = *at, sum = 0;
    *at = was + h;
    f->forward(f->shape, in, out);
    *at = was;
    for (size_t i = 0; i < f->n_out; i++) sum += dout[i] * out[i];
    return sum;
}

static double rms(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sqrt(sum / (double)n);
}

static double slope(const Naive *f, const double *const *in, const float *dout, double *at, double h,
                    double *out) {
    double near = moved(f, in, dout, at, h, out) - moved(f, in, dout, at, -h, out);
    double far = moved(f, in, dout, at, 2 * h, out) - moved(f, in, dout, at, -2 * h, out);
    return (8 * near - far) / (12 * h);
}

void check_gradient(const Naive *f, const float *const *in, const float *dout, int which, const float *got,
                    float base, double roundings) {
    double *wide[NAIVE_INPUTS] = {0}, error = 0, norm = 0;
    for (int i = 0; i < f->inputs; i++) wide[i] = doubles_of(in[i], f->n[i]);
    OWNED double *out = room(f->n_out, sizeof *out);
    double h = 1e-3 * rms(wide[which], f->n[which]);
    size_t n = f->n[which], samples = n < SAMPLES ? n : SAMPLES;
    for (size_t s = 0; s < samples; s++) {
        size_t from = s * n / samples, to = (s + 1) * n / samples; /* one draw from each stretch */
        size_t i = from + rng_below(1, RNG_TEST, (uint64_t)which, s, to - from);
        double want = slope(f, (const double *const *)wide, dout, &wide[which][i], h, out);
        error += (got[i] - base - want) * (got[i] - base - want);
        norm += want * want;
    }
    char what[32];
    snprintf(what, sizeof what, "gradient by input %d", which);
    judge(what, error, norm, roundings);
    for (int i = 0; i < f->inputs; i++) free(wide[i]);
}

int row_named(SlotKind kind, const char *name) {
    int i = 0;
    while (slot_row(kind, i)->name && strcmp(slot_row(kind, i)->name, name)) i++;
    if (!slot_row(kind, i)->name) fail_msg("no row is called %s", name);
    return i;
}

ModelConfig small_config(void) {
    return (ModelConfig){.vocab = 41,
                         .layers = 2,
                         .width = 36,
                         .heads = 3,
                         .context = 40,
                         .mlp_width = 22,
                         .gate_rank = 5,
                         .rope_theta = 10000,
                         .norm_eps = 1e-5,
                         .head_out_scale = 0.7,
                         .clip_gamma = -0.02,
                         .clip_zeta = 1.1,
                         .embedding_std = 1};
}

static void fill_weights(Model *m, uint64_t draw) {
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        bool matrix = t->dims == 2;
        double std = matrix ? 1 / sqrt((double)t->cols) : 0.2;
        float *w = m->params + t->offset;
        for (int64_t k = 0; k < t->rows * t->cols; k++)
            w[k] = (float)((matrix ? 0 : w[k]) +
                           std * rng_normal(7 + 100 * draw, RNG_TEST, (uint64_t)i, (uint64_t)k));
    }
}

void rig_draw(Rig *r, uint64_t draw) {
    model_init(r->m, 1);
    fill_weights(r->m, draw);
}

Rig rig_of(const ModelConfig *c, int rows, int T, int documents) {
    Rig r = {.rows = rows, .T = T};
    Error e = {0};
    if (!model_create(&r.m, c, true, &e)) fail_msg("%s", e.text);
    rig_draw(&r, 0);
    size_t N = (size_t)rows * (size_t)T;
    r.x = room(N, sizeof *r.x);
    r.y = room(N, sizeof *r.y);
    r.doc_start = room(N, sizeof *r.doc_start);
    for (size_t n = 0; n < N; n++) {
        int t = (int)(n % (size_t)T);
        r.x[n] = (int32_t)rng_below(2, RNG_TEST, 0, n, (uint64_t)c->vocab);
        r.y[n] = n % 7 == 3 ? -1 : (int32_t)rng_below(3, RNG_TEST, 0, n, (uint64_t)c->vocab);
        r.doc_start[n] = documents ? t / documents * documents : 0;
    }
    return r;
}

void rig_free(Rig *r) {
    model_free(r->m);
    free(r->x);
    free(r->y);
    free(r->doc_start);
}

Batch rig_batch(const Rig *r, int row0, int rows) {
    ptrdiff_t at = (ptrdiff_t)row0 * r->T;
    return (Batch){rows, r->T, r->x + at, r->y + at, r->doc_start + at, row0};
}

Tape *rig_tape(const Rig *r, int rows, bool train) {
    Tape *t = NULL;
    Error e = {0};
    if (!tape_create(&t, r->m, rows, r->T, train, &e)) fail_msg("%s", e.text);
    return t;
}
