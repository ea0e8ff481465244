/* Least squares over the figures of a sweep: against normal equations in long double, planted laws, and what
 * must hold exactly. */
#include "ablations/sweep/fit.h"
#include "data/base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FITTED_SEEDS = 4, EACH = 6, N = FITTED_SEEDS * EACH, TERMS = 2 };

typedef struct Data {
    double x[(TERMS + 1) * N], y[N];
    int64_t seed[N];
    Points points;
} Data;

/* y = 1 + 2 a - 3 b + noise times what is drawn. */
static void plant(Data *d, double noise) {
    for (int i = 0; i < N; i++) {
        double a = rng_normal(7, RNG_TEST, 0, (uint64_t)i), b = rng_normal(7, RNG_TEST, 1, (uint64_t)i);
        d->seed[i] = 10 * (i % FITTED_SEEDS);
        d->x[i] = 1;
        d->x[N + i] = a;
        d->x[2 * N + i] = b;
        d->y[i] = 1 + 2 * a - 3 * b + noise * rng_normal(7, RNG_TEST, 2, (uint64_t)i);
    }
    d->points = (Points){N, TERMS + 1, d->x, d->y, d->seed};
}

/* The normal equations of the points of some seeds, by Gauss' elimination. */
static void naive(const Data *d, int64_t seed, bool without, double *coefficient) {
    long double A[3][4] = {0};
    for (int i = 0; i < N; i++)
        for (int r = 0; (d->seed[i] == seed) != without && r < 3; r++) {
            for (int c = 0; c < 3; c++) A[r][c] += (long double)d->x[r * N + i] * d->x[c * N + i];
            A[r][3] += (long double)d->x[r * N + i] * d->y[i];
        }
    for (int k = 0; k < 3; k++)
        for (int r = 0; r < 3; r++) {
            long double by = A[r][k] / A[k][k];
            for (int c = k; r != k && c < 4; c++) A[r][c] -= by * A[k][c];
        }
    for (int k = 0; k < 3; k++) coefficient[k] = (double)(A[k][3] / A[k][k]);
}

static void a_planted_law_is_found(void **state) {
    (void)state;
    static const double law[] = {1, 2, -3};
    Data d;
    FitResult r;
    plant(&d, 0);
    assert_null(fit_points(&d.points, &r));
    assert_int_equal(r.seeds, FITTED_SEEDS);
    for (int c = 0; c < 3; c++) {
        assert_true(fabs(r.term[c].value - (law[c])) < 1e-12);
        assert_true(fabs(r.term[c].mean - (law[c])) < 1e-12);
        assert_true(r.term[c].error < 1e-12);
    }
    for (int k = 0; k < FITTED_SEEDS; k++) assert_true(r.left_out[k] < 1e-12);
    assert_true(fabs(r.explained - (1)) < 1e-12);
    free(r.left_out);
}

static void every_number_is_that_of_the_normal_equations(void **state) {
    (void)state;
    Data d;
    FitResult r;
    double all[3], rest[3], squares = 0, spread = 0;
    plant(&d, 0.5);
    assert_null(fit_points(&d.points, &r));
    naive(&d, -1, true, all);
    for (int c = 0; c < 3; c++) assert_true(fabs(r.term[c].value - (all[c])) < 1e-12);
    for (int k = 0; k < FITTED_SEEDS; k++) {
        double fit = 0, mean = 0;
        naive(&d, 10 * k, true, rest);
        for (int i = 0; i < N; i++) mean += d.seed[i] == 10 * k ? 0 : d.y[i] / (N - EACH);
        for (int i = 0; i < N; i++) {
            double y = rest[0] + rest[1] * d.x[N + i] + rest[2] * d.x[2 * N + i];
            if (d.seed[i] != 10 * k) continue;
            fit += (d.y[i] - y) * (d.y[i] - y);
            spread += (d.y[i] - mean) * (d.y[i] - mean);
        }
        squares += fit;
        assert_true(fabs(r.left_out[k] - (sqrt(fit / EACH))) < 1e-12);
    }
    assert_true(fabs(r.explained - (1 - squares / spread)) < 1e-12);
    for (int c = 0; c < 3; c++) {
        double each[FITTED_SEEDS][3], mean = 0, variance = 0;
        for (int k = 0; k < FITTED_SEEDS; k++) naive(&d, 10 * k, false, each[k]);
        for (int k = 0; k < FITTED_SEEDS; k++) mean += each[k][c] / FITTED_SEEDS;
        for (int k = 0; k < FITTED_SEEDS; k++)
            variance += (each[k][c] - mean) * (each[k][c] - mean) / (FITTED_SEEDS - 1);
        assert_true(fabs(r.term[c].mean - (mean)) < 1e-11);
        assert_true(fabs(r.term[c].error - (sqrt(variance / FITTED_SEEDS))) < 1e-11);
    }
    free(r.left_out);
}

/* Powers of two, so that nothing is rounded. */
static void units_of_a_term_change_nothing(void **state) {
    (void)state;
    Data d;
    FitResult r, far;
    plant(&d, 0.5);
    assert_null(fit_points(&d.points, &r));
    for (int i = 0; i < N; i++) d.x[N + i] *= 0x1p80;
    assert_null(fit_points(&d.points, &far));
    assert_memory_equal(r.left_out, far.left_out, FITTED_SEEDS * sizeof *r.left_out);
    assert_true(r.term[1].value == far.term[1].value * 0x1p80);
    free(r.left_out);
    free(far.left_out);
}

static void what_cannot_be_fitted_is_told(void **state) {
    (void)state;
    Data d;
    FitResult r;
    plant(&d, 0.5);
    for (int i = 0; i < N; i++) d.x[2 * N + i] = 3 * d.x[N + i] + 1; /* steps and rows of one batch */
    assert_string_equal(fit_points(&d.points, &r), "its terms cannot be told apart");
    plant(&d, 0.5);
    d.points.n = 2;
    assert_string_equal(fit_points(&d.points, &r), "too few points");
    plant(&d, 0.5); /* b is told from a by one seed alone */
    for (int i = 0; i < N; i++)
        if (d.seed[i]) d.x[2 * N + i] = d.x[N + i];
    assert_string_equal(fit_points(&d.points, &r), "its terms cannot be told apart without one of the seeds");
    free(r.left_out);
}

static void one_seed_has_a_fit_and_no_errors(void **state) {
    (void)state;
    Data d;
    FitResult r;
    plant(&d, 0.5);
    memset(d.seed, 0, sizeof d.seed);
    assert_null(fit_points(&d.points, &r));
    assert_int_equal(r.seeds, 1);
    assert_true(isnan(r.explained) && isnan(r.term[1].mean) && isnan(r.term[1].error));
    assert_true(fabs(r.term[1].value - (2)) < 0.5);
    free(r.left_out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_planted_law_is_found),
                                       cmocka_unit_test(every_number_is_that_of_the_normal_equations),
                                       cmocka_unit_test(units_of_a_term_change_nothing),
                                       cmocka_unit_test(what_cannot_be_fitted_is_told),
                                       cmocka_unit_test(one_seed_has_a_fit_and_no_errors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
