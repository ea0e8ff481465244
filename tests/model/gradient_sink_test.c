/* model/instruments/gradient_sink.c: planted gradients; a model's own against central differences of a naive
 * loss in double, by the stream that enters each block and by the normed input of its attention; where there
 * are none; and bits. */
#include "tests/model/instruments_fixture.h"
#include "tests/model/naive_forward.h"
#include "tests/model/support.h"

#include "model/kernels/gemm.h"

#include <omp.h>

enum { ROWS = 3, T = 9, LAYERS = 2 };
static const double RELATIVE = 2e-5; /* fp32 against double, over a backward of two blocks */

/* ---- planted ---- */

/* Gradients of norms g (T) at every tap, in a model of one layer of width 2. */
static Figures measure_planted(const double *g, int length, const int32_t *doc_start) {
    Model m = sizes(1, 1, 2, 0);
    Probe p = {.m = &m, .rows = 1, .T = length};
    float data[2 * 8];
    Figures f = {0};
    void *self = gradient_sink.open(&p);
    for (int t = 0; t < length; t++) {
        data[2 * t] = (float)(0.6 * g[t]);
        data[2 * t + 1] = (float)(-0.8 * g[t]);
    }
    show(&gradient_sink, self, &p, TAP_ATTN_IN_GRAD, data, 2, doc_start, 1);
    gradient_sink.see(self,
                      &(View){TAP_EMBED_GRAD, -1, 0, 1, length, 0, length, 2, 2, data, doc_start, NULL});
    gradient_sink.close(self, &f);
    return f;
}

static void planted_norms(void **state) {
    (void)state;
    static const struct {
        int length;
        double g[6], want;
        int32_t doc_start[6];
    } cases[] = {
        {5, {12, 1, 2, 3, 2}, 6, {0}},
        {5, {0, 1, 2, 3, 2}, 0, {0}},
        {6, {8, 1, 2, 4, 3, 3}, 6 / 2.25, {0, 0, 0, 3, 3, 3}}, /* first tokens 0 and 3 */
        {1, {4}, NAN, {0}},
        {3, {4, 0, 0}, NAN, {0}},
        {2, {4, 5}, NAN, {0, 1}}, /* every token a document: there are no others */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Figures f = measure_planted(cases[i].g, cases[i].length, cases[i].doc_start);
        double input = figure(&f, "gradient_sink", 0, -1), stream = figure(&f, "stream_gradient_sink", 0, -1);
        if (isnan(cases[i].want)) {
            assert_true(isnan(input) && isnan(stream));
        } else {
            near(input, cases[i].want, 1e-6);
            near(stream, cases[i].want, 1e-6);
        }
        figures_free(&f);
    }
}

/* What leaves a block enters the next one; what leaves the last enters none. */
static void a_stream_belongs_to_the_block_that_reads_it(void **state) {
    (void)state;
    Model m = sizes(3, 1, 1, 0);
    Probe p = {.m = &m, .rows = 1, .T = 2};
    int32_t doc_start[2] = {0, 0};
    float left[3][2] = {{10, 1}, {20, 1}, {30, 1}}, embedded[2] = {5, 1};
    Figures f = {0};
    void *self = gradient_sink.open(&p);
    show(&gradient_sink, self, &p, TAP_RESID_GRAD, left[0], 1, doc_start, 1);
    gradient_sink.see(self, &(View){TAP_EMBED_GRAD, -1, 0, 1, 2, 0, 2, 1, 1, embedded, doc_start, NULL});
    gradient_sink.close(self, &f);
    near(figure(&f, "stream_gradient_sink", 0, -1), 5, 0);
    near(figure(&f, "stream_gradient_sink", 1, -1), 10, 0);
    near(figure(&f, "stream_gradient_sink", 2, -1), 20, 0);
    figures_free(&f);
}

/* ---- against differences of a naive loss ---- */

static ModelConfig config(void) {
    ModelConfig c = naive_config();
    Error e = {0};
    c.layers = LAYERS;
    c.width = 24;
    c.heads = 2;
    c.mlp_width = 16;
    c.vocab = 21;
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    return c;
}

/* Summed over a row's scored targets. */
static double loss_of(const Rig *r, int row, const double *x0, const Nudge *nudge) {
    Forward f = naive_nudged(r->m, x0, r->doc_start + row * T, T, nudge);
    double sum = 0;
    for (int t = 0; t < T; t++)
        if (r->y[row * T + t] >= 0) sum += naive_loss(&f, LAYERS - 1, t, r->y[row * T + t]);
    naive_free(&f);
    return sum;
}

/* |g_0| / mean |g_t| of one row. */
static double naive_sink(const Rig *r, int row, int layer, bool input) {
    enum { D = 24 };
    static const double h = 1e-5;
    double x0[T * D], by[T * D], norm[T], first = 0, rest = 0;
    int firsts = 0;
    memset(by, 0, sizeof by);
    naive_embed(r->m, r->x + row * T, T, x0);
    const Nudge nudge = {layer, input, by};
    for (int t = 0; t < T; t++) {
        norm[t] = 0;
        for (int j = t * D; j < (t + 1) * D; j++) {
            by[j] = h;
            double up = loss_of(r, row, x0, &nudge);
            by[j] = -h;
            norm[t] += pow((up - loss_of(r, row, x0, &nudge)) / (2 * h), 2);
            by[j] = 0;
        }
        bool is_first = r->doc_start[row * T + t] == t;
        *(is_first ? &first : &rest) += sqrt(norm[t]);
        firsts += is_first;
    }
    return first / firsts / (rest / (T - firsts));
}

/* Into f, rows in flight at a time. */
static void measure(const Rig *r, int rows, bool train, float *scratch, Figures *f) {
    Tape *t = rig_tape(r, rows, train);
    Probe p = {.m = r->m, .rows = ROWS, .T = T, .scratch = scratch};
    instruments_measure(&p, t, r->x, r->y, r->doc_start, HEAVY, f, NULL);
    tape_free(t);
}

static void against_differences_of_a_naive_loss(void **state) {
    (void)state;
    ModelConfig c = config();
    for (int documents = 0; documents < 8; documents += 4) {
        Rig r = rig_of(&c, ROWS, T, documents);
        OWNED float *scratch = model_arena(r.m);
        Figures f = {0};
        measure(&r, 2, true, scratch, &f);
        for (int l = 0; l < LAYERS; l++) {
            double want[2] = {0, 0};
            for (int row = 0; row < ROWS; row++)
                for (int input = 0; input < 2; input++) want[input] += naive_sink(&r, row, l, input) / ROWS;
            near(figure(&f, "gradient_sink", l, -1), want[1], RELATIVE);
            near(figure(&f, "stream_gradient_sink", l, -1), want[0], RELATIVE);
        }
        figures_free(&f);
        rig_free(&r);
    }
}

/* ---- where there are none, and bits ---- */

static bool is_there(const Figures *f) {
    for (int i = 0; i < f->n; i++)
        if (strstr(f->at[i].name, "gradient_sink")) return true;
    return false;
}

/* Of the same name and place, of a histogram the same bin. */
static const Figure *same_figure(const Figures *f, const Figure *x) {
    for (int i = 0; i < f->n; i++) {
        const Figure *y = &f->at[i];
        if (!strcmp(y->name, x->name) && y->layer == x->layer && y->head == x->head && y->bin == x->bin)
            return y;
    }
    fail_msg("%s is not there", x->name);
    return NULL;
}

static void without_a_backward_there_is_no_figure(void **state) {
    (void)state;
    ModelConfig c = config();
    Rig r = rig_of(&c, ROWS, T, 0);
    OWNED float *scratch = model_arena(r.m);
    Figures forward = {0}, roomless = {0}, both = {0}, targetless = {0};
    measure(&r, 2, false, scratch, &forward);
    measure(&r, 2, true, NULL, &roomless);
    measure(&r, 2, true, scratch, &both);
    for (int n = 0; n < ROWS * T; n++) r.y[n] = -1;
    measure(&r, 2, true, scratch, &targetless);
    assert_false(is_there(&forward) || is_there(&roomless) || is_there(&targetless));
    assert_true(is_there(&both));
    /* and no other figure is moved by the backward */
    for (int i = 0; i < forward.n; i++) {
        const Figure *x = &forward.at[i];
        assert_memory_equal(&same_figure(&both, x)->value, &x->value, sizeof x->value);
    }
    Figures *const all[] = {&forward, &roomless, &both, &targetless};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) figures_free(all[i]);
    rig_free(&r);
}

static void bits_depend_neither_on_threads_nor_on_rows_in_flight(void **state) {
    (void)state;
    static const int ways[][2] = {{1, 1}, {2, 1}, {1, 3}, {2, 3}}; /* threads, rows */
    ModelConfig c = config();
    Rig r = rig_of(&c, ROWS, T, 4);
    OWNED float *scratch = model_arena(r.m);
    int threads = omp_get_max_threads();
    Figures want = {0};
    measure(&r, 2, true, scratch, &want);
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        Figures f = {0};
        omp_set_num_threads(ways[w][0]);
        measure(&r, ways[w][1], true, scratch, &f);
        assert_int_equal(f.n, want.n);
        for (int i = 0; i < f.n; i++)
            if (memcmp(&f.at[i].value, &want.at[i].value, sizeof(double)))
                fail_msg("%s of layer %d", f.at[i].name, f.at[i].layer);
        figures_free(&f);
    }
    omp_set_num_threads(threads);
    figures_free(&want);
    rig_free(&r);
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planted_norms),
        cmocka_unit_test(a_stream_belongs_to_the_block_that_reads_it),
        cmocka_unit_test(against_differences_of_a_naive_loss),
        cmocka_unit_test(without_a_backward_there_is_no_figure),
        cmocka_unit_test(bits_depend_neither_on_threads_nor_on_rows_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
