/* Instruments on a real model: against a naive forward in double, the same bits at any number of threads
 * and rows in flight, and what the measuring pass owes its caller. */
#include "tests/model/support.h"

#include "tests/model/instruments_fixture.h"

#include "model/gemm.h"
#include "model/instruments/stats.h"

#include <omp.h>

enum { ROWS = 5, T = 19, LAYERS = 2, HEADS = 2, D = 24 };

/* What the naive forward of one row leaves. */
typedef struct Trace {
    double A[LAYERS][HEADS][T][T], v[LAYERS][T][D], x[LAYERS][T][D];
} Trace;

static ModelConfig config(void) {
    ModelConfig c = small_config();
    Error e = {0};
    c.layers = LAYERS, c.heads = HEADS, c.width = D, c.mlp_width = 40, c.context = T;
    for (c.position = 0; strcmp(position_name(c.position), "none");) c.position++;
    if (!model_config_check(&c, &e)) fail_msg("%s", e.text);
    return c;
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

static void normed(const float *gain, const double *x, double *h) {
    double square = 0;
    for (int j = 0; j < D; j++) square += x[j] * x[j];
    for (int j = 0; j < D; j++) h[j] = (double)gain[j] * x[j] / sqrt(square / D + 1e-5);
}

/* A = softmax(q.k / sqrt(dh)) of one query and head, whose channels of k start at `from`. */
static void naive_row(double *A, const double *q, double k[T][D], int from, int lo, int t, int dh) {
    double sum = 0;
    for (int s = lo; s <= t; s++) {
        double dot = 0;
        for (int j = 0; j < dh; j++) dot += q[j] * k[s][from + j];
        sum += A[s] = exp(dot / sqrt(dh));
    }
    for (int s = lo; s <= t; s++) A[s] /= sum;
}

static void naive_attention(const Model *m, int l, const int32_t *lo, double x[T][D], Trace *trace) {
    double q[T][D], k[T][D], h[D], add[D];
    int dh = D / HEADS;
    for (int t = 0; t < T; t++) {
        normed(tensor(m, l, STAGE_NORM_ATTN, 0), x[t], h);
        times(tensor(m, l, STAGE_QKV, 0), D, D, h, q[t]);
        times(tensor(m, l, STAGE_QKV, 1), D, D, h, k[t]);
        times(tensor(m, l, STAGE_QKV, 2), D, D, h, trace->v[l][t]);
    }
    for (int t = 0; t < T; t++) {
        double o[D] = {0};
        for (int j = 0; j < D; j++) {
            double *A = trace->A[l][j / dh][t];
            if (j % dh == 0) naive_row(A, q[t] + j, k, j, lo[t], t, dh);
            for (int s = lo[t]; s <= t; s++) o[j] += A[s] * trace->v[l][s][j];
        }
        times(tensor(m, l, STAGE_OUT, 0), D, D, o, add);
        for (int j = 0; j < D; j++) x[t][j] += add[j];
    }
}

static void naive_mlp(const Model *m, int l, double x[D]) {
    int f = (int)m->config.mlp_width;
    double h[D], gate[f], up[f], add[D];
    normed(tensor(m, l, STAGE_NORM_MLP, 0), x, h);
    times(tensor(m, l, STAGE_MLP, 0), f, D, h, gate);
    times(tensor(m, l, STAGE_MLP, 1), f, D, h, up);
    for (int i = 0; i < f; i++) up[i] *= gate[i] / (1 + exp(-gate[i]));
    times(tensor(m, l, STAGE_MLP, 2), D, f, up, add);
    for (int j = 0; j < D; j++) x[j] += add[j];
}

static void naive_forward(const Rig *r, int row, Trace *trace) {
    double x[T][D];
    memset(trace, 0, sizeof *trace);
    for (int t = 0; t < T; t++)
        for (int j = 0; j < D; j++)
            x[t][j] = (double)tensor(r->m, -1, STAGE_EMBED, 0)[r->x[row * T + t] * D + j];
    for (int l = 0; l < LAYERS; l++) {
        naive_attention(r->m, l, r->lo + row * T, x, trace);
        for (int t = 0; t < T; t++) naive_mlp(r->m, l, x[t]);
        memcpy(trace->x[l], x, sizeof x);
    }
}

/* Norm of the first tokens of documents (their mean) over the median of the rest. */
static double naive_ratio(const int32_t *lo, double x[T][D], int from, int to) {
    double first = 0, rest[T];
    int firsts = 0, others = 0;
    for (int t = 0; t < T; t++) {
        double square = 0;
        for (int j = from; j < to; j++) square += x[t][j] * x[t][j];
        if (lo[t] == t)
            first += sqrt(square), firsts++;
        else
            rest[others++] = sqrt(square);
    }
    return first / firsts / median_of(rest, others);
}

static void check_heads(const Figures *f, const Rig *r, const Trace *traces, int l, int n) {
    double mass = 0, mixed = 0, drain = 0;
    for (int row = 0; row < ROWS; row++) {
        const int32_t *lo = r->lo + row * T;
        double sum = 0;
        int wide = 0;
        for (int q = 0; q < T; q++) {
            const double *A = traces[row].A[l][n][q];
            mass += A[lo[q]] / T / ROWS;
            if (q == lo[q]) continue;
            sum += entropy_of(A, T) / log(q - lo[q] + 1);
            wide++;
        }
        mixed += sum / wide / ROWS;
        drain += naive_ratio(lo, (double(*)[D])traces[row].v[l], n * D / HEADS, (n + 1) * D / HEADS) / ROWS;
    }
    near(figure(f, "sink_mass", l, n), mass, 1e-5);
    near(figure(f, "mixing", l, n), mixed, 1e-5);
    near(figure(f, "value_drain", l, n), drain, 1e-5);
}

static double naive_lens(const Rig *r, const Trace *traces, int l) {
    int V = (int)r->m->config.vocab, scored = 0;
    double sum = 0, h[D], logits[V];
    for (int n = 0; n < ROWS * T; n++) {
        if (r->y[n] < 0) continue;
        double total = 0;
        normed(tensor(r->m, -1, STAGE_NORM_FINAL, 0), traces[n / T].x[l][n % T], h);
        times(tensor(r->m, -1, STAGE_HEAD, 0), V, D, h, logits);
        for (int v = 0; v < V; v++) total += exp(logits[v]);
        sum += log(total) - logits[r->y[n]];
        scored++;
    }
    return sum / scored;
}

/* Everything there is, into f. */
static void measure(const Rig *r, int tape_rows, Figures *f, float *losses) {
    Tape *t = rig_tape(r, tape_rows, false);
    Probe p = {.m = r->m, .rows = ROWS, .T = T, .random = true};
    instruments_measure(&p, t, r->x, r->y, r->lo, LIGHT | HEAVY, f, losses);
    tape_free(t);
}

static void against_a_naive_forward(void **state) {
    (void)state;
    ModelConfig c = config();
    for (int documents = 0; documents < 8; documents += 7) {
        Rig r = rig_of(&c, ROWS, T, documents);
        Trace *traces = room(ROWS, sizeof *traces);
        Figures f = {0};
        measure(&r, 2, &f, NULL);
        for (int row = 0; row < ROWS; row++) naive_forward(&r, row, &traces[row]);
        for (int l = 0; l < LAYERS; l++) {
            double ratio = 0;
            for (int row = 0; row < ROWS; row++)
                ratio += naive_ratio(r.lo + row * T, traces[row].x[l], 0, D) / ROWS;
            near(figure(&f, "norm_ratio", l, -1), ratio, 1e-5);
            near(figure(&f, "lens_loss", l, -1), naive_lens(&r, traces, l), 1e-5);
            for (int n = 0; n < HEADS; n++) check_heads(&f, &r, traces, l, n);
        }
        near(figure(&f, "bound_violations", -1, -1), 0, 0);
        figures_free(&f);
        free(traces);
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
    instruments_measure(&p, t, r.x, r.y, r.lo, LIGHT, &plain, NULL);
    tape_observe(t, (Observers){&writer, 1});
    instruments_measure(&p, t, r.x, r.y, r.lo, LIGHT, &changed, NULL);
    instruments_measure(&p, t, r.x, r.y, r.lo, LIGHT, &again, NULL);
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
        assert_true((*i)->cadence == LIGHT || (*i)->cadence == HEAVY || (*i)->cadence == ASKED);
        assert_true(!(*i)->taps == !(*i)->see);
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
