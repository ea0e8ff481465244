/* The generator against its published vectors, its distributions against their moments. */
#include "tests/data/fixture.h"

#include <math.h>

enum { DRAWS = 200000 };

/* Philox 4x32-10: the first vectors of its authors, counter and key all zero. */
static void bits_are_philox_as_published(void **state) {
    (void)state;
    assert_true(rng_bits(0, 0, 0, 0) == 0xE169C58D6627E8D5ull);
}

static void every_argument_changes_the_draw(void **state) {
    (void)state;
    uint64_t draws[] = {rng_bits(1, RNG_TEST, 2, 3),          rng_bits(2, RNG_TEST, 2, 3),
                        rng_bits(1, RNG_INIT, 2, 3),          rng_bits(1, RNG_TEST, 3, 3),
                        rng_bits(1, RNG_TEST, 2, 4),          rng_bits(1ull << 40, RNG_TEST, 2, 3),
                        rng_bits(1, RNG_TEST, 1ull << 39, 3), rng_bits(1, RNG_TEST, 2, 1ull << 40)};
    for (size_t i = 0; i < sizeof draws / sizeof *draws; i++)
        for (size_t j = 0; j < i; j++) assert_true(draws[i] != draws[j]);
}

/* Mean and variance within 5 standard errors. */
static void check_moments(double sum, double squares, double mean, double variance, double kurtosis) {
    double m = sum / DRAWS, v = squares / DRAWS - m * m;
    assert_true(fabs(m - mean) < 5 * sqrt(variance / DRAWS));
    assert_true(fabs(v - variance) < 5 * variance * sqrt((kurtosis - 1) / DRAWS));
}

static void draws_have_the_moments_of_their_laws(void **state) {
    (void)state;
    double sum[3] = {0}, squares[3] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        double x[] = {rng_uniform(4, RNG_TEST, 0, i), rng_normal(4, RNG_TEST, 0, i),
                      (double)rng_below(4, RNG_TEST, 1, i, 10)};
        assert_true(x[0] >= 0 && x[0] < 1 && x[2] < 10);
        for (int k = 0; k < 3; k++) sum[k] += x[k], squares[k] += x[k] * x[k];
    }
    check_moments(sum[0], squares[0], 0.5, 1 / 12., 1.8);
    check_moments(sum[1], squares[1], 0, 1, 3);
    check_moments(sum[2], squares[2], 4.5, 8.25, 1.8);
}

static void a_permutation_takes_every_place_once(void **state) {
    (void)state;
    for (uint64_t n = 1; n < 300; n = n * 3 / 2 + 1) {
        char seen[512] = {0};
        for (uint64_t i = 0; i < n; i++) {
            uint64_t to = rng_permute(3, RNG_TEST, n, i, n);
            assert_true(to < n);
            assert_int_equal(seen[to]++, 0);
        }
    }
}

/* Over many seeds each place is taken by each number about equally often (chi-square, 5 sigma). */
static void a_permutation_favours_no_place(void **state) {
    (void)state;
    enum { N = 7, SEEDS = 7000 };
    int count[N][N] = {0};
    for (uint64_t seed = 0; seed < SEEDS; seed++)
        for (uint64_t i = 0; i < N; i++) count[i][rng_permute(seed, RNG_TEST, 0, i, N)]++;
    double expected = (double)SEEDS / N, chi = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) chi += (count[i][j] - expected) * (count[i][j] - expected) / expected;
    assert_true(chi < 36 + 5 * 8.5); /* 36 degrees of freedom, standard deviation sqrt(72) */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_are_philox_as_published),
        cmocka_unit_test(every_argument_changes_the_draw),
        cmocka_unit_test(draws_have_the_moments_of_their_laws),
        cmocka_unit_test(a_permutation_takes_every_place_once),
        cmocka_unit_test(a_permutation_favours_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
