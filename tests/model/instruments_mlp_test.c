/* Super neurons, output variance, the logit lens and phase labels on planted cases. */
#include "tests/model/support.h"

#include "tests/model/instruments_fixture.h"

#include "model/instruments/kendall.h"
#include "model/kernels/gemm.h"
#include "model/slots.h"

/* A hidden layer in which one unit is hot at position 0: weights and activations written by hand. */
static void one_hot_unit(void **state) {
    (void)state;
    enum { ROWS = 3, T = 4, HOT = 11 };
    ModelConfig c = small_config();
    c.layers = 1;
    Rig r = rig_of(&c, ROWS, T, 0);
    int d = (int)r.m->config.width, f = (int)r.m->config.mlp_width;
    float *gate = r.m->params + model_tensor(r.m, 0, STAGE_MLP, 0)->offset;
    float *down = r.m->params + model_tensor(r.m, 0, STAGE_MLP, mlp_slots[c.mlp].parts)->offset;
    float *hidden = room((size_t)ROWS * T * f, sizeof *hidden), *in = room((size_t)ROWS * T * d, sizeof *in);
    for (int j = 0; j < d; j++) { /* both have larger rows than all others, unit 4 by its up row */
        gate[HOT * d + j] *= 10;
        gate[(f + 4) * d + j] *= 1000;
    }
    for (int row = 0; row < ROWS; row++) {
        for (int i = 0; i < f; i++) hidden[row * T * f + i] = i == HOT ? -50 : 0.5f;
        for (int j = 0; j < d; j++) in[row * T * d + j] = 2 * gate[HOT * d + j];
        for (int j = 0; j < d; j++) in[(row * T + 2) * d + j] = -gate[HOT * d + j]; /* and 0 at 1 and 3 */
        hidden[(row * T + 1) * f + 3] = 1e6f; /* at position 1: of no account */
        hidden[(row * T + 1) * f + HOT] = -6;
    }
    for (int i = 0; i < d * f; i++) down[i] = i % f == HOT ? (i / f < 6 ? 1 : 0) : 0.1f;
    Probe p = {.m = r.m, .rows = ROWS, .T = T};
    void *self = super_neurons.open(&p);
    show(&super_neurons, self, &p, TAP_MLP_IN, in, d, r.doc_start, 2);
    show(&super_neurons, self, &p, TAP_MLP_HIDDEN, hidden, f, r.doc_start, 2);
    Figures g = {0};
    super_neurons.close(self, &g);
    double hot = 2500 * 6, other = 0.25 * 0.01 * d;
    near(figure(&g, "super_unit", 0, -1), HOT, 0);
    near(figure(&g, "super_ratio", 0, -1), 100, 1e-12);
    near(figure(&g, "super_ratio_mean", 0, -1), 100 * f / (f + 99.0), 1e-12);
    near(figure(&g, "super_energy8", 0, -1), (hot + 7 * other) / (hot + (f - 1) * other), 1e-7);
    near(figure(&g, "super_sparsity4", 0, -1), 4.0 / 6, 1e-12);
    near(figure(&g, "super_cos", 0, -1), 1, 1e-12);
    near(figure(&g, "super_selectivity", 0, -1), 50 / 2.0, 1e-12); /* |s| at t > 0: 6, 0, 0 */
    near(figure(&g, "super_cos_rest", 0, -1), -1.0 / 3, 1e-12);
    near(figure(&g, "super_weight_rank", 0, -1), 2, 0);
    near(figure(&g, "super_weight_unit", 0, -1), 4, 0);
    figures_free(&g);
    free(hidden);
    free(in);
    rig_free(&r);
}

/* As after relu: most units are silent, so the median is 0. */
static void silent_units_leave_a_mean(void **state) {
    (void)state;
    enum { T = 2, HOT = 5, WARM = 6 };
    ModelConfig c = small_config();
    c.layers = 1;
    Rig r = rig_of(&c, 1, T, 0);
    int d = (int)r.m->config.width, f = (int)r.m->config.mlp_width;
    float *hidden = room((size_t)T * f, sizeof *hidden), *in = room((size_t)T * d, sizeof *in);
    hidden[HOT] = 3, hidden[WARM] = 1;
    Probe p = {.m = r.m, .rows = 1, .T = T};
    void *self = super_neurons.open(&p);
    show(&super_neurons, self, &p, TAP_MLP_IN, in, d, r.doc_start, 1);
    show(&super_neurons, self, &p, TAP_MLP_HIDDEN, hidden, f, r.doc_start, 1);
    Figures g = {0};
    super_neurons.close(self, &g);
    near(figure(&g, "super_unit", 0, -1), HOT, 0);
    assert_true(isnan(figure(&g, "super_ratio", 0, -1)));
    near(figure(&g, "super_ratio_mean", 0, -1), 3 / (4.0 / f), 1e-12);
    figures_free(&g);
    free(hidden);
    free(in);
    rig_free(&r);
}

/* o_t of sequence n is +-1 / (t + 1) in every dimension by the sign of n, so its variance is 1 / (t + 1)^2.
 * What W_O reads is that times 1 + its dimension, and of what is added to the stream two neighbours have
 * changed places. Row j of W_O has the size of what is read, the opposite, or two neighbours changed, in
 * turn. */
static void planted_variance(void **state) {
    (void)state;
    enum { ROWS = 6, T = 8 };
    ModelConfig c = small_config();
    Rig r = rig_of(&c, 1, T, 0);
    enum { LAYERS = 2 };
    int d = (int)c.width, n = ROWS * T * d, pairs = d * (d - 1) / 2;
    assert_int_equal(c.layers, LAYERS);
    Probe p = {.m = r.m, .rows = ROWS, .T = T, .random = true};
    float *o = room((size_t)LAYERS * n, sizeof *o), *y = room((size_t)LAYERS * n, sizeof *y);
    float *z = room((size_t)LAYERS * n, sizeof *z);
    double want = 0;
    for (int i = 0; i < LAYERS * n; i++) {
        o[i] = (i / (T * d) % 2 ? 1.0f : -1.0f) / (float)(i / d % T + 1) + 7;
        y[i] = (float)(i % d + 1) * o[i];
        z[i] = (float)(i % d == 3 ? 5 : i % d == 4 ? 4 : i % d + 1) * o[i];
    }
    for (int l = 0; l < LAYERS; l++) {
        float *w = r.m->params + model_tensor(r.m, l, STAGE_OUT, 0)->offset;
        for (int i = 0; i < d * d; i++) {
            int at = i % d, way = i / d % 3;
            w[i] = (at % 2 ? -0.1f : 0.1f) * (float)(way == 1             ? d - at
                                                     : way == 2 && at < 2 ? 2 - at
                                                                          : at + 1);
        }
    }
    for (int j = 0; j < d; j++) want += (j % 3 == 0 ? 1 : j % 3 == 1 ? -1 : 1 - 2.0 / pairs) / d;
    int32_t *doc_start = room(ROWS * T, sizeof *doc_start);
    Figures f = {0};
    void *self = out_variance.open(&p);
    show(&out_variance, self, &p, TAP_ATTN_OUT, o, d, doc_start, 4);
    show(&out_variance, self, &p, TAP_HEAD_OUT, y, d, doc_start, 4);
    show(&out_variance, self, &p, TAP_ATTN_ADD, z, d, doc_start, 4);
    out_variance.close(self, &f);
    double late = (1 / 25.0 + 1 / 36.0 + 1 / 49.0 + 1 / 64.0) / 4;
    near(figure(&f, "out_variance_first", 1, -1), 1, 1e-6);
    near(figure(&f, "out_variance_ratio", 1, -1), 1 / late, 1e-5);
    near(figure(&f, "tau_wo", 1, -1), want, 1e-14);
    near(figure(&f, "tau_variances", 1, -1), 1 - 2.0 / pairs, 1e-15); /* one pair is the other way round */
    near(figure(&f, "tau_wo_positions", 1, -1), 1, 0);
    figures_free(&f);
    p.random = false;
    assert_null(out_variance.open(&p));
    free(o), free(y), free(z), free(doc_start);
    rig_free(&r);
}

/* A W_O drawn at random knows nothing of what it reads: of d = 120 rows of 120 weights each, tau has the
 * standard deviation sqrt((4n + 10) / (9n (n - 1))) = 0.062, and their mean 0.0056. */
static void a_random_w_o_has_no_tau(void **state) {
    (void)state;
    enum { N = 120 };
    float *w = normal_floats(N * N, 3), *x = normal_floats(N, 4);
    double size[N], sum = 0;
    for (int i = 0; i < N; i++) size[i] = (double)x[i] * (double)x[i];
    Ranking order = ranking_make(size, N);
    for (int j = 0; j < N; j++) {
        for (int i = 0; i < N; i++) size[i] = (double)fabsf(w[j * N + i]);
        sum += kendall_tau(&order, size) / N;
    }
    assert_true(fabs(sum) < 4 * 0.0056);
    ranking_free(&order);
    free(w), free(x);
}

/* Against all pairs one by one, of series with many ties; of itself without ties tau is 1, of its opposite
 * -1. */
static void tau_counts_pairs(void **state) {
    (void)state;
    enum { N = 37 };
    double x[N], y[N], up[N];
    for (int i = 0; i < N; i++) {
        x[i] = (double)rng_below(1, RNG_TEST, 1, (uint64_t)i, 9);
        y[i] = (double)rng_below(1, RNG_TEST, 2, (uint64_t)i, 12);
        up[i] = i * 7 % N;
    }
    int sum = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < i; j++) {
            double product = (x[i] - x[j]) * (y[i] - y[j]);
            sum += (product > 0) - (product < 0);
        }
    Ranking of_x = ranking_make(x, N), of_up = ranking_make(up, N);
    near(kendall_tau(&of_x, y), sum / (N * (N - 1) / 2.0), 1e-15);
    near(kendall_tau(&of_up, up), 1, 0);
    for (int i = 0; i < N; i++) y[i] = -up[i];
    near(kendall_tau(&of_up, y), -1, 0);
    ranking_free(&of_x), ranking_free(&of_up);
}

static void a_constant_has_no_variance(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Rig r = rig_of(&c, 1, 2, 0);
    int d = (int)c.width, n = (int)c.layers * 7 * 2 * d;
    Probe p = {.m = r.m, .rows = 7, .T = 2, .random = true};
    float *o = room((size_t)n, sizeof *o);
    int32_t doc_start[14] = {0};
    for (int i = 0; i < n; i++) o[i] = 0.1f * (float)(i % d) + 1e4f;
    Figures f = {0};
    void *self = out_variance.open(&p);
    show(&out_variance, self, &p, TAP_ATTN_OUT, o, d, doc_start, 7);
    out_variance.close(self, &f);
    near(figure(&f, "out_variance_first", 0, -1), 0, 0);
    assert_true(isnan(figure(&f, "out_variance_ratio", 0, -1)));
    near(figure(&f, "tau_wo", 0, -1), 0, 0); /* all that W_O reads is tied */
    figures_free(&f);
    free(o);
    rig_free(&r);
}

static float *weights_of(const Model *m, Stage s) {
    return m->params + model_tensor(m, -1, s, 0)->offset;
}

/* A head that gives the token of a vector's only channel the logit a = sqrt(d) / 4, all others 0: the loss is
 * ln(V - 1 + e^a), less a where the target is that token. In layer 1 the vectors are turned by a channel, so
 * that no target is. */
static void lens_of_one_channel(void **state) {
    (void)state;
    enum { ROWS = 3, T = 7 };
    ModelConfig c = small_config();
    Rig r = rig_of(&c, ROWS, T, 0);
    int d = (int)c.width, V = (int)c.vocab, N = ROWS * T, scored = 0, right = 0;
    float *X = room((size_t)2 * N * d, sizeof *X), *gain = weights_of(r.m, STAGE_NORM_FINAL);
    float *head = weights_of(r.m, STAGE_HEAD);
    for (int j = 0; j < d; j++) gain[j] = 1;
    for (int i = 0; i < V * d; i++) head[i] = i / d == i % d ? 0.25f : 0;
    for (int n = 0; n < N; n++) {
        X[n * d + n] = 3e4f; /* of any length, but for the norm's eps */
        X[(N + n) * d + (n + 1) % d] = -X[n * d + n];
        r.y[n] = n % 5 == 2 ? -1 : n % 5 == 3 ? V - 1 : n;
        scored += r.y[n] >= 0;
        right += r.y[n] == n;
    }
    Probe p = {.m = r.m, .rows = ROWS, .T = T, .y = r.y};
    void *self = logit_lens.open(&p);
    show(&logit_lens, self, &p, TAP_RESID, X, d, r.doc_start, 2);
    Figures f = {0};
    logit_lens.close(self, &f);
    double a = sqrt(d) / 4;
    near(figure(&f, "lens_loss", 0, -1), log(V - 1 + exp(a)) - a * right / scored, 1e-6);
    near(figure(&f, "lens_loss", 1, -1), log(V - 1 + exp(-a)), 1e-6);
    figures_free(&f);
    for (int n = 0; n < N; n++) r.y[n] = -1;
    assert_null(logit_lens.open(&p)); /* no target, no loss */
    free(X);
    rig_free(&r);
}

static void phases_by_rule(void **state) {
    (void)state;
    static const struct {
        double ratio, entropy, mixing, phase;
    } layers[] = {{1, 0.9, 0.9, 1}, {2, 0.8, 0.4, 0},  {50, 0.1, 0.3, 2}, {50, 0.6, 0.9, 3},
                  {9, 0.4, 0.9, 2}, {1, 0.9, 0.95, 3}, {3, 0.1, 0.1, 3}};
    enum { LAYERS = sizeof layers / sizeof *layers };
    Model m = sizes(LAYERS, 1, 1, 0);
    Figures f = {0};
    for (int l = 0; l < LAYERS; l++) {
        figures_add(&f, "norm_ratio", l, -1, layers[l].ratio);
        figures_add(&f, "entropy_norm", l, -1, layers[l].entropy);
        figures_add(&f, "mixing", l, -1, layers[l].mixing);
    }
    phases.close(phases.open(&(Probe){.m = &m}), &f);
    for (int l = 0; l < LAYERS; l++) near(figure(&f, "phase", l, -1), layers[l].phase, 0);
    figures_free(&f);
    phases.close(phases.open(&(Probe){.m = &m}), &f);
    assert_int_equal(f.n, 0);
    figures_free(&f);
}

int main(void) {
    gemm_start();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_hot_unit),
        cmocka_unit_test(silent_units_leave_a_mean),
        cmocka_unit_test(planted_variance),
        cmocka_unit_test(a_constant_has_no_variance),
        cmocka_unit_test(a_random_w_o_has_no_tau),
        cmocka_unit_test(tau_counts_pairs),
        cmocka_unit_test(lens_of_one_channel),
        cmocka_unit_test(phases_by_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
