/* Owns: what the tests of model/instruments share: a model that is only sizes, random numbers, and the
 * feeding of one instrument by hand, as a forward pass would. Does not own: any expectation. */
#ifndef SINKLAB_TESTS_INSTRUMENTS_FIXTURE_H
#define SINKLAB_TESTS_INSTRUMENTS_FIXTURE_H

/* Before cmocka, whose macro fail() would take the name. */
#include "data/base/rng.h"
#include "model/instruments/instrument_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline Model sizes(int layers, int heads, int width, int window) {
    return (Model){.config = {.layers = layers, .heads = heads, .width = width, .window = window}};
}

static inline void *room(size_t n, size_t size) {
    void *p = calloc(n, size);
    assert_non_null(p);
    return p;
}

static inline float *normal_floats(int64_t n, uint64_t seed) {
    float *x = room((size_t)n, sizeof *x);
    for (int64_t i = 0; i < n; i++) x[i] = (float)rng_normal(seed, RNG_TEST, 0, (uint64_t)i);
    return x;
}

/* Within `tolerance` of b, relative to it (to 1 where it is 0): the root of one figure's NMSE. */
static inline void near(double a, double b, double tolerance) {
    if (!(fabs(a - b) <= tolerance * (b != 0 ? fabs(b) : 1))) fail_msg("%.17g is not %.17g", a, b);
}

/* The figure `name`, which must have been handed over. */
static inline double figure(const Figures *f, const char *name, int layer, int head) {
    for (int i = 0; i < f->n; i++)
        if (f->at[i].layer == layer && f->at[i].head == head && !strcmp(f->at[i].name, name))
            return f->at[i].value;
    fail_msg("no figure %s of layer %d, head %d", name, layer, head);
    return NAN;
}

/* Shows (layers, rows T, width) at a tap, `batch` rows at a time. */
static inline void show(const Instrument *i, void *self, const Probe *p, TapPoint at, float *data, int width,
                        const int32_t *doc_start, int batch) {
    int64_t layer = (int64_t)p->rows * p->T * width;
    for (int row = 0; row < p->rows; row += batch)
        for (int l = 0; l < (int)p->m->config.layers; l++) {
            int n = p->rows - row < batch ? p->rows - row : batch;
            int64_t first = (int64_t)row * p->T;
            i->see(self, &(View){at, l, row, n, p->T, 0, (int64_t)n * p->T, width, width,
                                 data + l * layer + first * width, doc_start + first, NULL});
        }
}

/* The figures of an instrument of the residual stream X (layers, rows T, width). */
static inline Figures measure_stream(const Instrument *i, const Probe *p, float *X,
                                     const int32_t *doc_start) {
    Figures f = {0};
    void *self = instrument_open(i, p);
    show(i, self, p, TAP_RESID, X, (int)p->m->config.width, doc_start, 2);
    i->close(self, &f);
    return f;
}

#endif
