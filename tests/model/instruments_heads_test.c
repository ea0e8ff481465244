/* Instruments of what heads do with a sink and of sizes (gate, mass_histogram, sink_kind, sink_logit, logits,
 * prefix_matching, secondary sinks, write_sizes, residual_sink): against a naive forward in double on a real
 * model, planted cases with known answers, identities with figures that are measured elsewhere. */
#include "tests/model/support.h"

#include "tests/model/naive_forward.h"

#include "tests/model/instruments_fixture.h"

#include "model/instruments/secondary_sinks.h"
#include "model/instruments/stats.h"
#include "model/kernels/gemm.h"
#include "model/slots.h"

enum { ROWS = 5, T = 19, LAYERS = 2, HEADS = 2, D = 24, DH = D / HEADS };
#define RELATIVE 1e-5 /* relative: its square is the normalised mean square error of one figure */

/* ---- against a naive forward ---- */

static ModelConfig config(void) {
    ModelConfig c = naive_config();
    Error e = {0};
    c.layers = LAYERS, c.heads = HEADS, c.width = D, c.mlp_width = 40, c.context = T;
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    return c;
}

static const double *weights_at(const Forward *f, int l, int h, int q) {
    return f->A + ((l * HEADS + h) * T + q) * T;
}

static double dot(const double *a, const double *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static double naive_gate(const Forward *f, const int32_t *doc_start, int l, int h) {
    double sum = 0;
    int n = 0;
    for (int q = 0; q < T; q++)
        if (q != doc_start[q]) sum += 1 - weights_at(f, l, h, q)[doc_start[q]], n++;
    return sum / n;
}

static double naive_logit(const Forward *f, const int32_t *doc_start, int l, int h) {
    double most = -INFINITY;
    for (int q = 0; q < T; q++)
        for (int k = doc_start[q]; k <= q; k++)
            most =
                fmax(most, dot(naive_at(f, f->q, D, l, q) + h * DH, naive_at(f, f->k, D, l, k) + h * DH, DH));
    return most / sqrt(DH);
}

static double naive_norm(const Forward *f, double *of, int l, int h) {
    double sum = 0;
    for (int t = 0; t < T; t++) {
        const double *x = naive_at(f, of, D, l, t) + h * DH;
        sum += sqrt(dot(x, x, DH)) / T;
    }
    return sum;
}

/* |U|_F^2 / sigma_1^2 of U = o_h W_O^h, by 5,000 steps of v <- U^T U v. */
static double naive_rank(const Forward *f, int l, int h) {
    const float *W = f->m->params + model_tensor(f->m, l, STAGE_OUT, 0)->offset;
    double U[T][D] = {{0}}, v[D], whole = 0, top = 0;
    for (int i = 0; i < T * D; i++)
        for (int j = 0; j < DH; j++)
            U[i / D][i % D] +=
                naive_at(f, f->o, D, l, i / D)[h * DH + j] * (double)W[(i % D) * D + h * DH + j];
    for (int t = 0; t < T; t++) whole += dot(U[t], U[t], D);
    for (int j = 0; j < D; j++) v[j] = 1 + 0.01 * j;
    for (int step = 0; step < 5000; step++) {
        double next[D] = {0};
        for (int t = 0; t < T; t++)
            for (int j = 0; j < D; j++) next[j] += U[t][j] * dot(U[t], v, D);
        top = sqrt(dot(next, next, D));
        for (int j = 0; j < D; j++) v[j] = next[j] / top;
    }
    return whole / top;
}

/* The weight on keys behind an earlier copy of the query's token, summed, into *n queries. */
static double naive_prefix(const Forward *f, const int32_t *x, const int32_t *doc_start, int l, int h,
                           int *n) {
    double sum = 0;
    for (int q = 0; q < T; q++) {
        int keys = 0;
        for (int k = doc_start[q] + 1; k <= q; k++)
            if (x[k - 1] == x[q]) sum += weights_at(f, l, h, q)[k], keys++;
        *n += keys > 0;
    }
    return sum;
}

static void check_head(const Figures *f, const Rig *r, const Forward *rows, int l, int h) {
    double g = 0, logit = 0, q = 0, k = 0, v = 0, rank = 0, prefix = 0;
    int with_prefix = 0;
    for (int row = 0; row < ROWS; row++) {
        const int32_t *doc_start = r->doc_start + row * T;
        const Forward *at = &rows[row];
        g += naive_gate(at, doc_start, l, h) / ROWS;
        logit += naive_logit(at, doc_start, l, h) / ROWS;
        q += naive_norm(at, at->q, l, h) / ROWS;
        k += naive_norm(at, at->k, l, h) / ROWS;
        v += naive_norm(at, at->v, l, h) / ROWS;
        rank += naive_rank(at, l, h) / ROWS;
        int n = 0;
        double sum = naive_prefix(at, r->x + row * T, doc_start, l, h, &n);
        if (n) prefix += sum / n, with_prefix++;
    }
    near(figure(f, "gate", l, h), g, RELATIVE);
    near(figure(f, "logit_max", l, h), logit, RELATIVE);
    near(figure(f, "q_norm", l, h), q, RELATIVE);
    near(figure(f, "k_norm", l, h), k, RELATIVE);
    near(figure(f, "v_norm", l, h), v, RELATIVE);
    near(figure(f, "update_rank", l, h), rank, RELATIVE);
    near(figure(f, "prefix_matching", l, h), prefix / with_prefix, RELATIVE);
}

static double size_of_all(const Forward *rows, size_t quantity, int l) {
    double sum = 0;
    for (int n = 0; n < ROWS * T; n++) {
        const double *x = naive_at(&rows[n / T], *(double **)((char *)&rows[n / T] + quantity), D, l, n % T);
        sum += dot(x, x, D) / (ROWS * T * D);
    }
    return sqrt(sum);
}

/* The channel of the largest mean |x| and what it is over the median channel's, and the gain there. */
static void check_residual_sink(const Figures *f, const Forward *rows, int l) {
    const Model *m = rows->m;
    const float *w = m->params + (l + 1 < LAYERS ? model_tensor(m, l + 1, STAGE_NORM_ATTN, 0)
                                                 : model_tensor(m, -1, STAGE_NORM_FINAL, 0))
                                     ->offset;
    double mean[D] = {0}, sorted[D], gain[D];
    int top = 0;
    for (int n = 0; n < ROWS * T; n++)
        for (int j = 0; j < D; j++) mean[j] += fabs(naive_at(&rows[n / T], rows[n / T].x, D, l, n % T)[j]);
    for (int j = 0; j < D; j++) {
        sorted[j] = mean[j];
        gain[j] = fabs((double)w[j]);
        top = mean[j] > mean[top] ? j : top;
    }
    near(figure(f, "residual_sink", l, -1), mean[top] / median_of(sorted, D), RELATIVE);
    near(figure(f, "residual_sink_channel", l, -1), top, 0);
    near(figure(f, "residual_sink_gain", l, -1), fabs((double)w[top]) / median_of(gain, D), 1e-12);
}

static void check_layer(const Figures *f, const Rig *r, const Forward *rows, int l) {
    double cv = 0;
    for (int row = 0; row < ROWS; row++) {
        double a = naive_gate(&rows[row], r->doc_start + row * T, l, 0);
        double b = naive_gate(&rows[row], r->doc_start + row * T, l, 1);
        cv += pow((a - b) / (a + b), 2) / ROWS; /* of two: (a - m)^2 / m^2 */
    }
    near(figure(f, "gate_cv2", l, -1), cv, 1e-4); /* a difference of two like numbers */
    near(figure(f, "attn_write", l, -1), size_of_all(rows, offsetof(Forward, add), l), RELATIVE);
    near(figure(f, "mlp_in_size", l, -1), size_of_all(rows, offsetof(Forward, in), l), RELATIVE);
    near(figure(f, "stream_size", l, -1), size_of_all(rows, offsetof(Forward, x), l), RELATIVE);
    check_residual_sink(f, rows, l);
}

static Figures measure(const Rig *r) {
    Figures f = {0};
    Tape *t = rig_tape(r, 2, false);
    Probe p = {.m = r->m, .rows = r->rows, .T = r->T};
    instruments_measure(&p, t, r->x, r->y, r->doc_start, LIGHT | HEAVY, &f, NULL);
    tape_free(t);
    return f;
}

/* Sequences of a head whose bin is at least b, over all of them. */
static double rate_from(const Figures *f, int l, int h, int b) {
    double above = 0, all = 0;
    for (int i = 0; i < f->n; i++) {
        if (f->at[i].bin < 0 || f->at[i].layer != l || f->at[i].head != h) continue;
        above += f->at[i].bin >= b ? f->at[i].value : 0;
        all += f->at[i].value;
    }
    near(all, ROWS, 0);
    return above / all;
}

static void against_a_naive_forward(void **state) {
    (void)state;
    ModelConfig c = config();
    for (int documents = 0; documents < 8; documents += 7) {
        Rig r = rig_of(&c, ROWS, T, documents);
        for (int n = 0; n < ROWS * T; n++) r.x[n] %= 6; /* tokens that come again */
        Forward rows[ROWS];
        Figures f = measure(&r);
        for (int row = 0; row < ROWS; row++)
            rows[row] = naive_forward(r.m, r.x + row * T, r.doc_start + row * T, T);
        for (int l = 0; l < LAYERS; l++) {
            check_layer(&f, &r, rows, l);
            for (int h = 0; h < HEADS; h++) check_head(&f, &r, rows, l, h);
        }
        for (int row = 0; row < ROWS; row++) naive_free(&rows[row]);
        figures_free(&f);
        rig_free(&r);
    }
}

/* ---- identities ---- */

static void a_histogram_gives_back_the_rates(void **state) {
    (void)state;
    ModelConfig c = config();
    Rig r = rig_of(&c, ROWS, T, 0);
    Figures f = measure(&r);
    double rates[4] = {0};
    for (int l = 0; l < LAYERS; l++)
        for (int h = 0; h < HEADS; h++) {
            near(figure(&f, "sink_rate_03", l, h), rate_from(&f, l, h, 30), 0);
            for (int i = 0; i < 4; i++)
                rates[i] += rate_from(&f, l, h, (const int[]){20, 30, 50, 80}[i]) / (LAYERS * HEADS);
        }
    near(rates[0], figure(&f, "sink_rate_02", -1, -1), 1e-15);
    near(rates[1], figure(&f, "sink_rate_03", -1, -1), 1e-15);
    near(rates[2], figure(&f, "sink_rate_05", -1, -1), 1e-15);
    near(rates[3], figure(&f, "sink_rate_08", -1, -1), 1e-15);
    assert_true(rates[0] > 0); /* there is something to tell */
    figures_free(&f);
    rig_free(&r);
}

/* A[0,0] = 1, so that sum_{q>=1} A[q,0] = T mass - 1. */
static void a_gate_is_what_the_mass_leaves(void **state) {
    (void)state;
    ModelConfig c = config();
    Rig r = rig_of(&c, ROWS, T, 0);
    Figures f = measure(&r);
    for (int l = 0; l < LAYERS; l++)
        for (int h = 0; h < HEADS; h++)
            near(figure(&f, "gate", l, h), 1 - (T * figure(&f, "sink_mass", l, h) - 1) / (T - 1), 1e-7);
    figures_free(&f);
    rig_free(&r);
}

/* ---- planted ---- */

/* One layer and row of n tokens whose heads are shown at TAP_ATTN_OUT. */
static Figures show_heads(const Instrument *i, Model *m, Heads *heads, int rows, int n) {
    int32_t doc_start[64] = {0};
    Probe p = {.m = m, .rows = rows, .T = n};
    Figures f = {0};
    void *self = instrument_open(i, &p);
    i->see(self, &(View){.at = TAP_ATTN_OUT, .rows = rows, .T = n, .doc_start = doc_start, .heads = heads});
    i->close(self, &f);
    return f;
}

static void gates_of_a_parked_and_an_even_head(void **state) {
    (void)state;
    const float first[] = {1, 1, 1, 1, 1, 0.5f, 0.25f, 0.25f}; /* (H, T) */
    Model m = sizes(1, 2, 4, 0);
    Heads heads = {.H = 2, .dh = 2, .first = first};
    Figures f = show_heads(&gate, &m, &heads, 1, 4);
    near(figure(&f, "gate", 0, 0), 0, 0);
    near(figure(&f, "gate", 0, 1), 2.0 / 3, 1e-15);
    near(figure(&f, "gate_cv2", 0, -1), 1, 1e-15); /* of 0 and g: deviation g/2, mean g/2 */
    figures_free(&f);
}

static void a_mass_on_an_edge_is_not_above_it(void **state) {
    (void)state;
    const float first[] = {1, 0, 0.5f, 0.5f, 0, 0, 1, 1}; /* of 4 rows of 2: masses 1/2, 1/2, 0, 1 */
    Model m = sizes(1, 1, 2, 0);
    Heads heads = {.H = 1, .dh = 2, .first = first};
    Figures f = show_heads(&mass_histogram, &m, &heads, 4, 2);
    static const struct { int bin, sequences; } want[] = {{0, 1}, {49, 2}, {99, 1}};
    assert_int_equal(f.n, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(f.at[i].bin, want[i].bin);
        near(f.at[i].value, want[i].sequences, 0);
    }
    figures_free(&f);
}

/* Query 1 sees key 0 and itself; query 0 does not see key 1, whose product with it would be the largest. */
static void a_logit_is_of_keys_that_are_seen(void **state) {
    (void)state;
    float q[] = {3, 0, 1, 2}, k[] = {0, 1, 9, 0}, v[] = {3, 4, 0, 1};
    Model m = sizes(1, 1, 2, 0);
    Heads heads = {.H = 1, .dh = 2, .q = q, .k = k, .v = v, .ld = 2, .group = 1, .scale = 0.5f};
    Figures f = show_heads(&logits, &m, &heads, 1, 2);
    near(figure(&f, "logit_max", 0, 0), 0.5 * 9, 0);
    near(figure(&f, "q_norm", 0, 0), (3 + sqrt(5)) / 2, 1e-15);
    near(figure(&f, "k_norm", 0, 0), 5, 1e-15);
    near(figure(&f, "v_norm", 0, 0), 3, 1e-15);
    figures_free(&f);
    m.config.window = 1; /* query 1 sees itself alone */
    k[2] = 0;
    f = show_heads(&logits, &m, &heads, 1, 2);
    near(figure(&f, "logit_max", 0, 0), 0, 0);
    figures_free(&f);
}

/* A model of one head whose W_O is that, and its outputs y (4, 2), at TAP_HEAD_OUT. */
static double rank_of_update(const float *W, float *y, double mass, double drain, int *kind) {
    ModelConfig c = naive_config();
    Error e = {0};
    Model *m;
    c.layers = 1, c.heads = 1, c.width = 2, c.mlp_width = 2, c.context = 4;
    if (!model_config_check(&c, &e) || !model_create(&m, &c, true, &e)) fail_msg("%s", e.text);
    memcpy(m->params + model_tensor(m, 0, STAGE_OUT, 0)->offset, W, 4 * sizeof *W);
    Probe p = {.m = m, .rows = 1, .T = 4};
    Figures f = {0};
    int32_t doc_start[4] = {0};
    void *self = instrument_open(&sink_kind, &p);
    show(&sink_kind, self, &p, TAP_HEAD_OUT, y, 2, doc_start, 1);
    figures_add(&f, "sink_mass", 0, 0, mass);
    figures_add(&f, "value_drain", 0, 0, drain);
    sink_kind.close(self, &f);
    double rank = figure(&f, "update_rank", 0, 0);
    *kind = (int)figure(&f, "sink_kind", 0, 0);
    figures_free(&f);
    model_free(m);
    return rank;
}

static void a_broadcast_writes_one_vector(void **state) {
    (void)state;
    const float unit[] = {1, 0, 0, 1}, flat[] = {1, 2, 2, 4}, tilted[] = {3, 0, 0, 1};
    float one[] = {1, 2, 1, 2, 1, 2, 1, 2}, two[] = {1, 0, 0, 1, 1, 0, 0, 1};
    int kind;
    near(rank_of_update(unit, one, 0.5, 1, &kind), 1, 1e-12);
    assert_int_equal(kind, 2);
    near(rank_of_update(unit, two, 0.5, 1, &kind), 2, 1e-12);
    assert_int_equal(kind, 3);                                /* as large a value, but no one vector */
    near(rank_of_update(flat, two, 0.5, 1, &kind), 1, 1e-12); /* W_O leaves one direction */
    near(rank_of_update(tilted, two, 0.5, 1, &kind), 20.0 / 18, 1e-12);
    rank_of_update(unit, one, 0.5, 0.1, &kind);
    assert_int_equal(kind, 1);
    rank_of_update(unit, one, 0.3, 0.1, &kind);
    assert_int_equal(kind, 0); /* no sink */
    float none[8] = {0};
    assert_true(isnan(rank_of_update(unit, none, 0.5, 0.1, &kind)));
    assert_int_equal(kind, 1);
}

static void a_sink_beyond_the_first_key_is_counted(void **state) {
    (void)state;
    const double imp[] = {0.9, 0.1, 0.4, 0.3, 0.6};
    int32_t one[5] = {0}, two[] = {0, 0, 2, 2, 2};
    SecondarySinks s = secondary_sinks_of(imp, 5, one);
    near(s.number, 2, 0); /* 0.3 is not above 0.3 */
    near(s.mass, 0.6, 0);
    near(s.random_mass, 1.4 / 4, 1e-15);
    s = secondary_sinks_of(imp, 5, two); /* key 2 begins a document */
    near(s.number, 1, 0);
    near(s.random_mass, 1.0 / 3, 1e-15);
    assert_true(isnan(secondary_sinks_of(imp, 1, one).number));
}

/* Tokens 7 8 7 9: query 2 has an earlier 7, so that key 1 is behind it. */
static void a_prefix_is_matched_by_the_key_behind_it(void **state) {
    (void)state;
    const int32_t x[] = {7, 8, 7, 9}, fresh[] = {1, 2, 3, 4};
    const float A[16] = {[2 * 4 + 1] = 0.75f, [2 * 4] = 0.25f, [3 * 4 + 1] = 1};
    int32_t doc_start[4] = {0};
    Model m = sizes(1, 1, 2, 0);
    Weights w = {0, 0, 0, 0, 4, 4, A, 4, doc_start, false};
    for (int i = 0; i < 2; i++) {
        Probe p = {.m = &m, .rows = 1, .T = 4, .x = i ? fresh : x};
        Figures f = {0};
        void *self = instrument_open(&prefix_matching, &p);
        prefix_matching.weights(self, &w);
        prefix_matching.close(self, &f);
        if (i) assert_int_equal(f.n, 0);
        if (!i) near(figure(&f, "prefix_matching", 0, 0), 0.75, 0);
        if (!i) near(figure(&f, "prefix_uniform", -1, -1), 1.0 / 3, 1e-15);
        figures_free(&f);
    }
}

static void a_sink_logit_is_the_weight_itself(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Error e = {0};
    c.attention = row_named(SLOT_ATTENTION, "sink_logit");
    c.sink_heads = (List){.n = 2, .item = {"0", "2"}};
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    Rig r = rig_of(&c, 2, 8, 0);
    Figures f = measure(&r);
    for (int l = 0; l < 2; l++) {
        const float *w = r.m->params + model_tensor(r.m, l, STAGE_ATTENTION, 0)->offset;
        near(figure(&f, "sink_logit", l, 2), (double)w[2], 0);
        assert_true(isnan(figures_get(&f, "sink_logit", l, 1)));
    }
    figures_free(&f);
    rig_free(&r);
    c.attention = row_named(SLOT_ATTENTION, "softmax");
    c.sink_heads.n = 0;
    r = rig_of(&c, 2, 8, 0);
    f = measure(&r);
    assert_true(isnan(figures_get(&f, "sink_logit", 0, 0)));
    figures_free(&f);
    rig_free(&r);
}

static void sizes_are_root_mean_squares(void **state) {
    (void)state;
    Model m = sizes(1, 1, 2, 0);
    Probe p = {.m = &m, .rows = 2, .T = 1};
    float x[] = {3, 4, 0, 5}; /* two rows of one token: squares 25, 25 */
    int32_t doc_start[2] = {0};
    Figures f = {0};
    void *self = instrument_open(&write_sizes, &p);
    show(&write_sizes, self, &p, TAP_MLP_OUT, x, 2, doc_start, 1);
    write_sizes.close(self, &f);
    near(figure(&f, "mlp_write", 0, -1), sqrt(12.5), 1e-15);
    near(figure(&f, "attn_write", 0, -1), 0, 0);
    figures_free(&f);
}

static int start(void **state) {
    (void)state;
    gemm_start();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_a_naive_forward),
        cmocka_unit_test(a_histogram_gives_back_the_rates),
        cmocka_unit_test(a_gate_is_what_the_mass_leaves),
        cmocka_unit_test(gates_of_a_parked_and_an_even_head),
        cmocka_unit_test(a_mass_on_an_edge_is_not_above_it),
        cmocka_unit_test(a_logit_is_of_keys_that_are_seen),
        cmocka_unit_test(a_broadcast_writes_one_vector),
        cmocka_unit_test(a_sink_beyond_the_first_key_is_counted),
        cmocka_unit_test(a_prefix_is_matched_by_the_key_behind_it),
        cmocka_unit_test(a_sink_logit_is_the_weight_itself),
        cmocka_unit_test(sizes_are_root_mean_squares),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
