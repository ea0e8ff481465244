/* Instruments on a real model: against a naive forward in double, the same bits at any number of threads
 * and rows in flight, and what the measuring pass owes its caller. */
#include "tests/model/support.h"

#include "tests/model/naive_forward.h"

#include "tests/model/instruments_fixture.h"

#include "model/instruments/stats.h"
#include "model/kernels/gemm.h"

#include <omp.h>

enum { ROWS = 5, T = 19, LAYERS = 2, HEADS = 2, D = 24, F = 40 };
#define RELATIVE 1e-5 /* relative: its square is the normalised mean square error of one figure */

static ModelConfig config(void) {
    ModelConfig c = naive_config();
    Error e = {0};
    c.layers = LAYERS, c.heads = HEADS, c.width = D, c.mlp_width = F, c.context = T;
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    return c;
}

/* ---- what instruments define, as loops over the naive forward ---- */

typedef struct Split {
    double first, rest;
} Split;

/* Of a quantity by token: the mean over first tokens of documents, the median of the others. */
static Split split(const int32_t *doc_start, const double *of) {
    double first = 0, rest[T];
    int firsts = 0, others = 0;
    for (int t = 0; t < T; t++)
        if (doc_start[t] == t)
            first += of[t], firsts++;
        else
            rest[others++] = of[t];
    return (Split){first / firsts, median_of(rest, others)};
}

static double length(const double *x, int n) {
    double square = 0;
    for (int j = 0; j < n; j++) square += x[j] * x[j];
    return sqrt(square);
}

/* Of n channels of a quantity (LAYERS, T, D) from `from` on. */
static double naive_ratio(const Forward *f, const int32_t *doc_start, double *of, int l, int from, int n) {
    double norms[T];
    for (int t = 0; t < T; t++) norms[t] = length(naive_at(f, of, D, l, t) + from, n);
    Split s = split(doc_start, norms);
    return s.first / s.rest;
}

static Split naive_dominance(const Forward *f, const int32_t *doc_start, int l) {
    double ratio[T];
    for (int t = 0; t < T; t++) {
        const double *x = naive_at(f, f->x, D, l, t);
        double most = 0, sum = 0;
        for (int j = 0; j < D; j++) {
            most = fmax(most, fabs(x[j]));
            sum += fabs(x[j]);
        }
        ratio[t] = most / (sum / D);
    }
    return split(doc_start, ratio);
}

static double naive_kurtosis(const Forward *f, int l) {
    double sum = 0;
    for (int t = 0; t < T; t++) {
        const double *x = naive_at(f, f->x, D, l, t);
        double mean = 0, m2 = 0, m4 = 0;
        for (int j = 0; j < D; j++) mean += x[j] / D;
        for (int j = 0; j < D; j++) {
            m2 += pow(x[j] - mean, 2) / D;
            m4 += pow(x[j] - mean, 4) / D;
        }
        sum += m4 / (m2 * m2) / T;
    }
    return sum;
}

/* Of the rows from `t` on. */
static double naive_collapse(const Forward *f, int l, int t) {
    double mean[D] = {0}, apart[T * D] = {0};
    for (int i = t * D; i < T * D; i++) mean[i % D] += naive_at(f, f->x, D, l, i / D)[i % D] / (T - t);
    for (int i = t * D; i < T * D; i++) apart[i] = naive_at(f, f->x, D, l, i / D)[i % D] - mean[i % D];
    return length(apart, T * D) / length(naive_at(f, f->x, D, l, t), (T - t) * D);
}

/* Share of the queries that see the first key of their document whose product with it is positive. */
static double naive_positive(const Forward *f, const int32_t *doc_start, int l, int h) {
    int positive = 0;
    for (int t = 0; t < T; t++) {
        double dot = 0;
        for (int j = h * D / HEADS; j < (h + 1) * D / HEADS; j++)
            dot += naive_at(f, f->q, D, l, t)[j] * naive_at(f, f->k, D, l, doc_start[t])[j];
        positive += dot > 0;
    }
    return (double)positive / T;
}

static double naive_lens(const Rig *r, const Forward *rows, int l) {
    double sum = 0;
    int scored = 0;
    for (int n = 0; n < ROWS * T; n++) {
        if (r->y[n] < 0) continue;
        sum += naive_loss(&rows[n / T], l, n % T, r->y[n]);
        scored++;
    }
    return sum / scored;
}

/* ---- over the rows ---- */

/* By many steps of u <- W W^T u, over the keys at 0. */
static double naive_alignment(const Model *m, const Forward *rows, int l, int h) {
    enum { DH = D / HEADS };
    const float *W = m->params + model_tensor(m, l, STAGE_QKV, 0)->offset + h * DH * D;
    double u[DH], sum = 0;
    for (int i = 0; i < DH; i++) u[i] = 1 + 0.1 * i;
    for (int step = 0; step < 4000; step++) {
        double wide[D] = {0}, size = 0;
        for (int i = 0; i < DH * D; i++) wide[i % D] += (double)W[i] * u[i / D];
        for (int i = 0; i < DH; i++) u[i] = 0;
        for (int i = 0; i < DH * D; i++) u[i / D] += (double)W[i] * wide[i % D];
        size = length(u, DH);
        for (int i = 0; i < DH; i++) u[i] /= size;
    }
    for (int row = 0; row < ROWS; row++) {
        const double *k = naive_at(&rows[row], rows[row].k, D, l, 0) + h * DH;
        double dot = 0;
        for (int i = 0; i < DH; i++) dot += u[i] * k[i];
        sum += fabs(dot) / length(k, DH) / ROWS;
    }
    return sum;
}

static void check_heads(const Figures *f, const Rig *r, const Forward *rows, int l, int h) {
    double mass = 0, mixed = 0, drain = 0, positive = 0, size = 0;
    for (int row = 0; row < ROWS; row++) {
        const int32_t *doc_start = r->doc_start + row * T;
        double sum = 0;
        int wide = 0;
        double squares = 0;
        for (int i = 0; i < T * (D / HEADS); i++)
            squares += pow(
                naive_at(&rows[row], rows[row].o, D, l, i / (D / HEADS))[h * D / HEADS + i % (D / HEADS)], 2);
        size += sqrt(squares / (T * (D / HEADS))) / ROWS;
        for (int q = 0; q < T; q++) {
            const double *A = rows[row].A + ((l * HEADS + h) * T + q) * T;
            mass += A[doc_start[q]] / T / ROWS;
            if (q == doc_start[q]) continue;
            sum += entropy_of(A, T) / log(q - doc_start[q] + 1);
            wide++;
        }
        mixed += sum / wide / ROWS;
        drain += naive_ratio(&rows[row], doc_start, rows[row].v, l, h * D / HEADS, D / HEADS) / ROWS;
        positive += naive_positive(&rows[row], doc_start, l, h) / ROWS;
    }
    near(figure(f, "sink_mass", l, h), mass, RELATIVE);
    near(figure(f, "out_size", l, h), size, RELATIVE);
    near(figure(f, "alignment", l, h), naive_alignment(r->m, rows, l, h), 1e-4);
    near(figure(f, "mixing", l, h), mixed, RELATIVE);
    near(figure(f, "value_drain", l, h), drain, RELATIVE);
    near(figure(f, "positive", l, h), positive, 1e-15); /* a count */
}

static void check_stream(const Figures *f, const Rig *r, const Forward *rows, int l) {
    double ratio = 0, first = 0, rest = 0, kurtosis = 0, collapse = 0, collapse_rest = 0;
    for (int row = 0; row < ROWS; row++) {
        const int32_t *doc_start = r->doc_start + row * T;
        Split dominance = naive_dominance(&rows[row], doc_start, l);
        ratio += naive_ratio(&rows[row], doc_start, rows[row].x, l, 0, D) / ROWS;
        first += dominance.first / ROWS;
        rest += dominance.rest / ROWS;
        kurtosis += naive_kurtosis(&rows[row], l) / ROWS;
        collapse += naive_collapse(&rows[row], l, 0) / ROWS;
        collapse_rest += naive_collapse(&rows[row], l, 1) / ROWS;
    }
    near(figure(f, "norm_ratio", l, -1), ratio, RELATIVE);
    near(figure(f, "dom_ratio_first", l, -1), first, RELATIVE);
    near(figure(f, "dom_ratio_rest", l, -1), rest, RELATIVE);
    near(figure(f, "kurtosis", l, -1), kurtosis, RELATIVE);
    near(figure(f, "rank_collapse", l, -1), collapse, RELATIVE);
    near(figure(f, "rank_collapse_rest", l, -1), collapse_rest, RELATIVE);
    near(figure(f, "lens_loss", l, -1), naive_lens(r, rows, l), RELATIVE);
}

/* Variance over the rows of one channel of a quantity (LAYERS, T, D) of each. */
static double naive_variance(const Forward *rows, size_t quantity, int l, int t, int j) {
    double mean = 0, square = 0;
    for (int row = 0; row < ROWS; row++) {
        double x = naive_at(&rows[row], *(double **)((char *)&rows[row] + quantity), D, l, t)[j];
        mean += x / ROWS;
        square += x * x / ROWS;
    }
    return square - mean * mean;
}

/* (pairs in the same order - pairs in the other) / pairs */
static double naive_tau(const double *a, const double *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) sum += i == j ? 0 : (a[i] - a[j]) * (b[i] - b[j]) > 0 ? 1 : -1;
    return sum / (n * (n - 1));
}

/* Mean over W_O's rows of the tau of their sizes with sigma. */
static double naive_tau_wo(const Model *m, int l, const double *sigma) {
    const float *w = m->params + model_tensor(m, l, STAGE_OUT, 0)->offset;
    double sum = 0, size[D];
    for (int j = 0; j < D; j++) {
        for (int i = 0; i < D; i++) size[i] = fabs((double)w[j * D + i]);
        sum += naive_tau(size, sigma, D) / D;
    }
    return sum;
}

static void check_variance(const Figures *f, const Model *m, const Forward *rows, int l) {
    const size_t o = offsetof(Forward, o), add = offsetof(Forward, add);
    double read[T] = {0}, written[T] = {0}, late = 0, first_read[D], first_written[D];
    for (int i = 0; i < T * D; i++) {
        read[i / D] += naive_variance(rows, o, l, i / D, i % D) / D;
        written[i / D] += naive_variance(rows, add, l, i / D, i % D) / D;
    }
    for (int t = T / 2; t < T; t++) late += read[t] / (T - T / 2);
    for (int j = 0; j < D; j++) {
        first_read[j] = naive_variance(rows, o, l, 0, j);
        first_written[j] = naive_variance(rows, add, l, 0, j);
    }
    near(figure(f, "out_variance_first", l, -1), read[0], RELATIVE);
    near(figure(f, "out_variance_ratio", l, -1), read[0] / late, RELATIVE);
    near(figure(f, "tau_wo", l, -1), naive_tau_wo(m, l, first_read), 1e-14);
    near(figure(f, "tau_variances", l, -1), naive_tau(first_read, first_written, D), 1e-15);
    near(figure(f, "tau_wo_positions", l, -1), naive_tau(read, written, T), 1e-15);
}

static double down(const Model *m, int l, int j, int i) {
    return (double)m->params[model_tensor(m, l, STAGE_MLP, 2)->offset + (size_t)(j * F + i)];
}

/* How many of n values are above x: 0 for the largest. */
static int rank_of(const double *of, int n, double x) {
    int above = 0;
    for (int i = 0; i < n; i++) above += of[i] > x;
    return above;
}

static void check_super_neurons(const Figures *f, const Model *m, const Forward *rows, int l) {
    double size[F], energy[F], all = 0, top8 = 0, column[D], top4 = 0, whole = 0, cosine = 0, sum = 0,
                               gate[D], sorted[F];
    int top = 0;
    for (int i = 0; i < F; i++) {
        double mean = 0, square = 0;
        for (int row = 0; row < ROWS; row++) {
            double s = naive_at(&rows[row], rows[row].hidden, F, l, 0)[i];
            mean += s / ROWS;
            square += s * s / ROWS;
        }
        size[i] = sorted[i] = fabs(mean);
        sum += size[i];
        energy[i] = 0;
        for (int j = 0; j < D; j++) energy[i] += square * pow(down(m, l, j, i), 2);
        top = size[i] > size[top] ? i : top;
    }
    for (int i = 0; i < F; i++) {
        all += energy[i];
        top8 += rank_of(size, F, size[i]) < 8 ? energy[i] : 0;
    }
    for (int j = 0; j < D; j++) {
        column[j] = pow(down(m, l, j, top), 2);
        whole += column[j];
        gate[j] = (double)m->params[model_tensor(m, l, STAGE_MLP, 0)->offset + (size_t)(top * D + j)];
    }
    for (int j = 0; j < D; j++) top4 += rank_of(column, D, column[j]) < 4 ? column[j] : 0;
    for (int row = 0; row < ROWS; row++) {
        const double *x = naive_at(&rows[row], rows[row].in, D, l, 0);
        for (int j = 0; j < D; j++) cosine += x[j] * gate[j] / length(x, D) / length(gate, D) / ROWS;
    }
    double rest = 0, cosine_rest = 0, norm[F];
    int heavy = 0;
    for (int n = 0; n < ROWS * T; n++) {
        const double *x = naive_at(&rows[n / T], rows[n / T].in, D, l, n % T);
        if (n % T == 0) continue;
        rest += fabs(naive_at(&rows[n / T], rows[n / T].hidden, F, l, n % T)[top]) / (ROWS * (T - 1));
        for (int j = 0; j < D; j++)
            cosine_rest += x[j] * gate[j] / length(x, D) / length(gate, D) / (ROWS * (T - 1));
    }
    for (int i = 0; i < F; i++) {
        norm[i] = 0;
        for (int j = 0; j < 2 * D; j++)
            norm[i] += pow(
                (double)m->params[model_tensor(m, l, STAGE_MLP, j / D)->offset + (size_t)(i * D + j % D)], 2);
        norm[i] = sqrt(norm[i]);
        heavy = norm[i] > norm[heavy] ? i : heavy;
    }
    near(figure(f, "super_selectivity", l, -1), size[top] / rest, RELATIVE);
    near(figure(f, "super_cos_rest", l, -1), cosine_rest, 1e-4);
    near(figure(f, "super_weight_unit", l, -1), heavy, 0);
    near(figure(f, "super_weight_rank", l, -1), rank_of(norm, F, norm[top]) + 1, 0);
    double own = norm[top];
    near(figure(f, "super_weight_ratio", l, -1), own / median_of(norm, F), 1e-12);
    double median = median_of(sorted, F);
    near(figure(f, "super_unit", l, -1), top, 0);
    near(figure(f, "super_ratio", l, -1), size[top] / median, RELATIVE);
    near(figure(f, "super_ratio_mean", l, -1), size[top] * F / sum, RELATIVE);
    near(figure(f, "super_energy8", l, -1), top8 / all, RELATIVE);
    near(figure(f, "super_sparsity4", l, -1), top4 / whole, RELATIVE);
    near(figure(f, "super_cos", l, -1), cosine, RELATIVE);
}

/* Everything there is, into f. */
static void measure(const Rig *r, int tape_rows, Figures *f, float *losses) {
    Tape *t = rig_tape(r, tape_rows, false);
    Probe p = {.m = r->m, .rows = ROWS, .T = T, .random = true};
    instruments_measure(&p, t, r->x, r->y, r->doc_start, LIGHT | HEAVY, f, losses);
    tape_free(t);
}

static void against_a_naive_forward(void **state) {
    (void)state;
    ModelConfig c = config();
    for (int documents = 0; documents < 8; documents += 7) {
        Rig r = rig_of(&c, ROWS, T, documents);
        Forward rows[ROWS];
        Figures f = {0};
        measure(&r, 2, &f, NULL);
        for (int row = 0; row < ROWS; row++)
            rows[row] = naive_forward(r.m, r.x + row * T, r.doc_start + row * T, T);
        for (int l = 0; l < LAYERS; l++) {
            check_stream(&f, &r, rows, l);
            check_variance(&f, r.m, rows, l);
            check_super_neurons(&f, r.m, rows, l);
            for (int h = 0; h < HEADS; h++) check_heads(&f, &r, rows, l, h);
        }
        near(figure(&f, "bound_violations", -1, -1), 0, 0);
        for (int row = 0; row < ROWS; row++) naive_free(&rows[row]);
        figures_free(&f);
        rig_free(&r);
    }
}

static void same_bits(void **state) {
    (void)state;
    static const int ways[][2] = {{1, 1}, {2, 1}, {1, 3}, {2, 3}}; /* threads, rows in flight */
    ModelConfig c = config();
    Rig r = rig_of(&c, ROWS, T, 7);
    Figures want = {0};
    int threads = omp_get_max_threads();
    measure(&r, ROWS, &want, NULL);
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        Figures f = {0};
        omp_set_num_threads(ways[w][0]);
        measure(&r, ways[w][1], &f, NULL);
        assert_int_equal(f.n, want.n);
        for (int i = 0; i < f.n; i++)
            if (memcmp(&f.at[i].value, &want.at[i].value, sizeof(double)))
                fail_msg("%s of layer %d, head %d", f.at[i].name, f.at[i].layer, f.at[i].head);
        figures_free(&f);
    }
    omp_set_num_threads(threads);
    figures_free(&want);
    rig_free(&r);
}

static void losses_are_handed_over(void **state) {
    (void)state;
    ModelConfig c = config();
    Rig r = rig_of(&c, ROWS, T, 0);
    float losses[ROWS * T];
    double sum = 0;
    int scored = 0;
    Figures f = {0};
    measure(&r, 2, &f, losses);
    for (int n = 0; n < ROWS * T; n++) {
        sum += (double)losses[n];
        scored += r.y[n] >= 0;
    }
    near(figure(&f, "lens_loss", LAYERS - 1, -1), sum / scored, 1e-12); /* the lens after the last layer */
    figures_free(&f);
    rig_free(&r);
}

static void triple_first(void *self, const View *v) {
    (void)self;
    for (int row = 0; row < v->rows; row++)
        for (int j = 0; j < v->width; j++) v->data[(int64_t)row * v->T * v->ld + j] *= 3;
}

/* An observer of the tape that writes is part of what is measured, and is still there afterwards. */
static void writers_come_first(void **state) {
    (void)state;
    ModelConfig c = config();
    Rig r = rig_of(&c, ROWS, T, 0);
    Tape *t = rig_tape(&r, ROWS, false);
    Observer writer = {.taps = 1 << TAP_RESID, .see = triple_first};
    Probe p = {.m = r.m, .rows = ROWS, .T = T};
    Figures plain = {0}, changed = {0}, again = {0};
    instruments_measure(&p, t, r.x, r.y, r.doc_start, LIGHT, &plain, NULL);
    tape_observe(t, (Observers){&writer, 1});
    instruments_measure(&p, t, r.x, r.y, r.doc_start, LIGHT, &changed, NULL);
    instruments_measure(&p, t, r.x, r.y, r.doc_start, LIGHT, &again, NULL);
    double ratio = figure(&changed, "norm_ratio", 0, -1);
    near(ratio, 3 * figure(&plain, "norm_ratio", 0, -1), 1e-6);
    near(ratio, figure(&again, "norm_ratio", 0, -1), 0);
    figures_free(&plain);
    figures_free(&changed);
    figures_free(&again);
    tape_free(t);
    rig_free(&r);
}

static void every_row_of_the_table_is_whole(void **state) {
    (void)state;
    for (const Instrument *const *i = instruments; *i; i++) {
        assert_non_null((*i)->name);
        assert_non_null((*i)->definition);
        assert_non_null((*i)->paper);
        assert_non_null((*i)->columns);
        assert_true((*i)->cost == LIGHT || (*i)->cost == HEAVY || (*i)->cost == ASKED);
        assert_true(!(*i)->taps == !(*i)->see);
        assert_true(!(*i)->open == ((*i)->means != NULL));
        for (const Instrument *const *j = instruments; j < i; j++)
            assert_string_not_equal((*i)->name, (*j)->name);
    }
}

static int start(void **state) {
    (void)state;
    gemm_start();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_a_naive_forward),         cmocka_unit_test(same_bits),
        cmocka_unit_test(losses_are_handed_over),          cmocka_unit_test(writers_come_first),
        cmocka_unit_test(every_row_of_the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
