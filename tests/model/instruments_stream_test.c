/* The instruments of the residual stream and of values: planted X with answers in closed form, the bounds
 * over random matrices, naive references in double. */
#include "tests/model/instruments_fixture.h"

#include "model/instruments/bounds.h"
#include "model/instruments/stats.h"

static int32_t *no_mask(int rows, int T) {
    return room((size_t)rows * T, sizeof(int32_t));
}

/* Of one sequence X (T, d) in a model of one layer. */
static Figures measure_one(const Instrument *i, float *X, int T, int d) {
    Model m = sizes(1, 1, d, 0);
    Probe p = {.m = &m, .rows = 1, .T = T};
    int32_t *doc_start = no_mask(1, T);
    Figures f = measure_stream(i, &p, X, doc_start);
    free(doc_start);
    return f;
}

static void orthogonal_rows(void **state) {
    (void)state;
    enum { T = 12, D = 20 };
    float X[T * D] = {0};
    for (int t = 0; t < T; t++) X[t * D + t + 3] = 2;
    Figures f = measure_one(&spectrum, X, T, D);
    near(figure(&f, "entropy", 0, -1), log(T), 1e-13);
    near(figure(&f, "entropy_norm", 0, -1), 1, 1e-13);
    near(figure(&f, "anisotropy", 0, -1), 1.0 / T, 1e-13);
    near(figure(&f, "effective_rank", 0, -1), T, 1e-12);
    near(figure(&f, "effective_rank_stacked", 0, -1), T, 1e-12);
    near(figure(&f, "sigma1_sq", 0, -1), 4, 1e-13);
    near(figure(&f, "bound_sigma1", 0, -1), 4, 1e-13); /* alpha = 0: the bounds are tight */
    near(figure(&f, "bound_ratio", 0, -1), 1.0 / (T - 1), 1e-13);
    near(figure(&f, "bound_entropy", 0, -1), log(T), 1e-13);
    near(figure(&f, "bound_violations", -1, -1), 0, 0);
    figures_free(&f);
}

static void rank_one(void **state) {
    (void)state;
    enum { T = 9, D = 6 }; /* more tokens than channels: the other Gram matrix */
    float X[T * D];
    for (int t = 0; t < T; t++)
        for (int j = 0; j < D; j++) X[t * D + j] = (float)((t + 1) * (j - 2));
    Figures f = measure_one(&spectrum, X, T, D);
    near(figure(&f, "entropy", 0, -1), 0, 1e-12);
    near(figure(&f, "anisotropy", 0, -1), 1, 1e-13);
    near(figure(&f, "effective_rank", 0, -1), 1, 1e-12);
    near(figure(&f, "sigma1_sq", 0, -1), 285 * 19, 1e-12);
    near(figure(&f, "bound_sigma1", 0, -1), 285 * 19, 1e-12);
    assert_true(isnan(figure(&f, "bound_ratio", 0, -1))); /* alpha = 1 */
    near(figure(&f, "bound_violations", -1, -1), 0, 0);
    figures_free(&f);
    f = measure_one(&rank_collapse, X, T, D);
    near(figure(&f, "rank_collapse", 0, -1), sqrt(1 - 9 * 25.0 / 285),
         1e-12); /* of (t + 1), about its mean */
    near(figure(&f, "rank_collapse_rest", 0, -1), sqrt(1 - 8 * 5.5 * 5.5 / 284), 1e-12);
    figures_free(&f);
}

static void equal_rows_have_collapsed(void **state) {
    (void)state;
    float X[5 * 4];
    for (int i = 0; i < 20; i++) X[i] = (float)(i % 4) + 0.5f;
    Figures f = measure_one(&rank_collapse, X, 5, 4);
    near(figure(&f, "rank_collapse", 0, -1), 0, 1e-15);
    near(figure(&f, "rank_collapse_rest", 0, -1), 0, 1e-15);
    figures_free(&f);
}

/* As a massive activation does: four rows (0, 1), and (s, 0) before them. Mean (s / 5, 4 / 5), squares s^2
 * + 4. */
static void one_long_row_stands_apart_from_rows_that_have_collapsed(void **state) {
    (void)state;
    double s = 12;
    float X[5 * 2] = {(float)s, 0, 0, 1, 0, 1, 0, 1, 0, 1};
    Figures f = measure_one(&rank_collapse, X, 5, 2);
    near(figure(&f, "rank_collapse", 0, -1), sqrt((4 * s * s / 5 + 4.0 / 5) / (s * s + 4)), 1e-12);
    near(figure(&f, "rank_collapse_rest", 0, -1), 0, 1e-15);
    figures_free(&f);
}

/* X with one row of norm M in one channel, the others of norm 1 along another. */
static void one_massive_row(void **state) {
    (void)state;
    enum { T = 8, D = 16 };
    float X[T * D] = {0};
    X[7] = -3000;
    for (int t = 1; t < T; t++) X[t * D + 2] = 1;
    Figures f = measure_one(&norm_ratio, X, T, D);
    near(figure(&f, "norm_ratio", 0, -1), 3000, 1e-15);
    near(figure(&f, "norm_ratio", -1, -1), 3000, 1e-15);
    figures_free(&f);
    f = measure_one(&spectrum, X, T, D);
    double p = 9e6 / (9e6 + T - 1);
    near(figure(&f, "anisotropy", 0, -1), p, 1e-14);
    near(figure(&f, "sigma_ratio", 0, -1), 9e6 / (T - 1), 1e-9);
    near(figure(&f, "bound_anisotropy", 0, -1), p, 1e-14);
    near(figure(&f, "entropy", 0, -1), -p * log(p) - (1 - p) * log1p(-p), 1e-10); /* 1e-5 in all */
    near(figure(&f, "bound_violations", -1, -1), 0, 0);
    figures_free(&f);
    f = measure_one(&dominance, X, T, D);
    near(figure(&f, "dom_ratio_first", 0, -1), D, 1e-15);
    near(figure(&f, "dom_ratio_rest", 0, -1), D, 1e-15);
    figures_free(&f);
}

static void massive_channel_and_position(void **state) {
    (void)state;
    enum { T = 5, D = 8 };
    float X[T * D];
    for (int i = 0; i < T * D; i++) X[i] = i % 2 ? 0.1f : -0.3f;
    X[3 * D + 6] = -400;
    Figures f = measure_one(&massive_activation, X, T, D);
    near(figure(&f, "massive_top", 0, -1), 400, 0);
    near(figure(&f, "massive_median", 0, -1), 0.2, 1e-7); /* 20 of 0.1, 19 of 0.3 */
    near(figure(&f, "massive_channel", 0, -1), 6, 0);
    near(figure(&f, "massive_position", 0, -1), 3, 0);
    near(figure(&f, "massive_sun", 0, -1), 1, 0);
    figures_free(&f);
    X[3 * D + 6] = 100; /* not above 100 */
    f = measure_one(&massive_activation, X, T, D);
    near(figure(&f, "massive_sun", 0, -1), 0, 0);
    near(figure(&f, "massive_ratio", -1, -1), 500, 1e-6);
    figures_free(&f);
}

static void median_of_a_random_stream(void **state) {
    (void)state;
    for (int T = 1; T < 12; T++) {
        enum { D = 7 };
        float *X = normal_floats(T * D, (uint64_t)T);
        double sorted[12 * D];
        for (int i = 0; i < T * D; i++) sorted[i] = fabs((double)X[i]);
        Figures f = measure_one(&massive_activation, X, T, D);
        near(figure(&f, "massive_median", 0, -1), median_of(sorted, T * D), 0);
        near(figure(&f, "massive_top", 0, -1), highest_of(sorted, T * D), 0);
        figures_free(&f);
        free(X);
    }
}

static void kurtosis_in_closed_form(void **state) {
    (void)state;
    float X[2 * 10] = {0};
    X[3] = 5;                                                     /* one hot among 10: (9^4 + 9) 10 / 90^2 */
    for (int j = 0; j < 10; j++) X[10 + j] = j % 2 ? 3.0f : 1.0f; /* two values: 1 */
    Figures f = measure_one(&kurtosis, X, 2, 10);
    near(figure(&f, "kurtosis", 0, -1), (10 * (9 * 9 * 9 * 9 + 9) / 8100.0 + 1) / 2, 1e-13);
    figures_free(&f);
}

/* Random matrices of all shapes, with a first row from vanishing to massive and the others from
 * scattered to nearly parallel to it. */
static void bounds_hold(void **state) {
    (void)state;
    for (uint64_t n = 0; n < 1000; n++) {
        int T = 2 + (int)rng_below(n, RNG_TEST, 1, 0, 20), d = 2 + (int)rng_below(n, RNG_TEST, 1, 1, 20);
        float *X = normal_floats((int64_t)T * d, n);
        float scale = powf(10, (float)(6 * rng_uniform(n, RNG_TEST, 1, 2) - 2));
        float apart = powf(10, (float)(-4 * rng_uniform(n, RNG_TEST, 1, 3)));
        for (int t = 1; t < T; t++)
            for (int j = 0; j < d; j++) X[t * d + j] = apart * X[t * d + j] + (n % 3 ? 0 : X[j]);
        for (int j = 0; j < d; j++) X[j] *= scale;
        Figures f = measure_one(&spectrum, X, T, d);
        near(figure(&f, "bound_violations", -1, -1), 0, 0);
        assert_true(figure(&f, "bound_anisotropy", 0, -1) <= figure(&f, "anisotropy", 0, -1) * (1 + 1e-9));
        figures_free(&f);
        free(X);
    }
}

static void violations_are_counted(void **state) {
    (void)state;
    Spectral bound = {10, 2, 0.6, 1.5}, good = {10, 2, 0.6, 1.5}, bad = {9.99, 1.99, 0.59, 1.51};
    Spectral none = {NAN, NAN, NAN, NAN};
    assert_int_equal(bounds_violated(&bound, &good, 8), 0);
    assert_int_equal(bounds_violated(&bound, &bad, 8), 4);
    assert_int_equal(bounds_violated(&none, &bad, 8), 0);
}

/* Singular values by one-sided Jacobi rotations of X's rows: a way that shares nothing with LAPACK's. */
static void jacobi(double *X, int T, int d, double *sigma_sq) {
    for (int sweep = 0; sweep < 60; sweep++)
        for (int a = 0; a < T; a++)
            for (int b = a + 1; b < T; b++) {
                double aa = 0, bb = 0, ab = 0;
                for (int j = 0; j < d; j++) {
                    aa += X[a * d + j] * X[a * d + j];
                    bb += X[b * d + j] * X[b * d + j];
                    ab += X[a * d + j] * X[b * d + j];
                }
                double angle = 0.5 * atan2(2 * ab, aa - bb), c = cos(angle), s = sin(angle);
                for (int j = 0; j < d; j++) {
                    double x = X[a * d + j], y = X[b * d + j];
                    X[a * d + j] = c * x + s * y;
                    X[b * d + j] = c * y - s * x;
                }
            }
    for (int t = 0; t < T; t++) {
        sigma_sq[t] = 0;
        for (int j = 0; j < d; j++) sigma_sq[t] += X[t * d + j] * X[t * d + j];
    }
}

static void check_spectrum(const double *sigma_sq, int n, const Figures *f, const char *rank, bool all) {
    double sigma[64], sum = 0, most = 0;
    for (int i = 0; i < n; i++) {
        sigma[i] = sqrt(sigma_sq[i]);
        sum += sigma_sq[i];
        most = fmax(most, sigma_sq[i]);
    }
    near(figure(f, rank, 0, -1), exp(entropy_of(sigma, n)), 1e-9);
    if (!all) return;
    near(figure(f, "entropy", 0, -1), entropy_of(sigma_sq, n), 1e-10);
    near(figure(f, "anisotropy", 0, -1), most / sum, 1e-12);
    near(figure(f, "sigma_ratio", 0, -1), most / (sum - most), 1e-10);
}

static void spectrum_against_jacobi(void **state) {
    (void)state;
    static const int shapes[][2] = {{5, 17}, {17, 17}, {7, 33}, {3, 2}};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        int T = shapes[s][0], d = shapes[s][1];
        float *X = normal_floats(T * d, 7 + s);
        double *wide = room((size_t)T * d, sizeof *wide), sigma_sq[64];
        for (int i = 0; i < T * d; i++) wide[i] = (double)X[i];
        jacobi(wide, T, d, sigma_sq);
        Figures f = measure_one(&spectrum, X, T, d);
        check_spectrum(sigma_sq, T, &f, "effective_rank", true);
        check_spectrum(sigma_sq, T, &f, "effective_rank_stacked", false);
        figures_free(&f);
        free(wide);
        free(X);
    }
}

/* Stacked rows of several sequences and batches: two copies of one sequence have its effective rank. */
static void stacked_rows(void **state) {
    (void)state;
    enum { T = 6, D = 18, ROWS = 5 };
    float *one = normal_floats(T * D, 3), X[ROWS * T * D];
    for (int i = 0; i < ROWS * T * D; i++) X[i] = one[i % (T * D)];
    Model m = sizes(1, 1, D, 0);
    Probe p = {.m = &m, .rows = ROWS, .T = T};
    int32_t *doc_start = no_mask(ROWS, T);
    Figures f = measure_stream(&spectrum, &p, X, doc_start);
    near(figure(&f, "effective_rank_stacked", 0, -1), figure(&f, "effective_rank", 0, -1), 1e-10);
    figures_free(&f);
    free(doc_start);
    free(one);
}

static void several_documents(void **state) {
    (void)state;
    float X[6] = {8, 1, 2, 4, 3, 3}; /* norms; first tokens 0 and 3 */
    int32_t doc_start[6] = {0, 0, 0, 3, 3, 3};
    Model m = sizes(1, 1, 1, 0);
    Figures f = measure_stream(&norm_ratio, &(Probe){.m = &m, .rows = 1, .T = 6}, X, doc_start);
    near(figure(&f, "norm_ratio", 0, -1), 6 / 2.5, 1e-15);
    figures_free(&f);
}

/* q, k, v of 2 query heads that share one key-value head, 3 tokens, d_head 2. */
static Figures measure_heads(const Instrument *i, const float *qkv, const int32_t *doc_start) {
    Model m = sizes(1, 2, 4, 0);
    Probe p = {.m = &m, .rows = 1, .T = 3};
    Heads heads = {.H = 2, .dh = 2, .q = qkv, .k = qkv + 4, .v = qkv + 6, .ld = 8, .group = 2, .scale = 1};
    Figures f = {0};
    void *self = instrument_open(i, &p);
    i->see(self, &(View){TAP_ATTN_OUT, 0, 0, 1, 3, 0, 3, 4, 4, NULL, doc_start, &heads});
    i->close(self, &f);
    return f;
}

static void values_and_scores(void **state) {
    (void)state;
    int32_t doc_start[3] = {0, 0, 0};
    const float qkv[3 * 8] = {                                 /* q of head 0, of head 1, k, v */
                              1, 0,  -1, 0, 2, 1,  0.3f, 0.4f, /* scores with k_0: 2, -2 */
                              0, 1,  3,  0, 9, 9,  3,    4,    /* 1, 6 */
                              0, -1, 0,  1, 0, -7, 0,    1};   /* -1, 1 */
    Figures f = measure_heads(&value_drain, qkv, doc_start);
    near(figure(&f, "value_drain", 0, 0), 0.5 / 3, 1e-7);
    near(figure(&f, "value_drain", 0, 1), 0.5 / 3, 1e-7);
    near(figure(&f, "value_drain", -1, -1), 0.5 / 3, 1e-7);
    figures_free(&f);
    f = measure_heads(&positive_scores, qkv, doc_start);
    near(figure(&f, "positive", 0, 0), 2.0 / 3, 1e-15);
    near(figure(&f, "positive", 0, 1), 2.0 / 3, 1e-15);
    figures_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orthogonal_rows),
        cmocka_unit_test(rank_one),
        cmocka_unit_test(equal_rows_have_collapsed),
        cmocka_unit_test(one_long_row_stands_apart_from_rows_that_have_collapsed),
        cmocka_unit_test(one_massive_row),
        cmocka_unit_test(massive_channel_and_position),
        cmocka_unit_test(median_of_a_random_stream),
        cmocka_unit_test(kurtosis_in_closed_form),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(violations_are_counted),
        cmocka_unit_test(spectrum_against_jacobi),
        cmocka_unit_test(stacked_rows),
        cmocka_unit_test(several_documents),
        cmocka_unit_test(values_and_scores),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
