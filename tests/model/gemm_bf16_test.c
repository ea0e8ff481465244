/* The bf16 product against sums in double, and its promise about bits. Where the CPU has no bf16 there is
 * nothing to test: the program falls back to fp32. */
#include "tests/model/support.h"

#include "model/kernels/gemm_bf16.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Each of the two inputs of a product is wrong by at most 2^-9 of itself: 2^-8 in all, which in the unit of
 * check_close, four roundings of fp32, is 2^14. */
enum { ROUNDINGS = 1 << 14 };

static const int64_t shapes[][3] = {{1, 1, 1}, {12, 32, 256}, {13, 33, 257}, {97, 70, 515}, {200, 129, 31}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* k adjacent, or rows adjacent. */
static Factor factor(const float *at, int64_t rows, int64_t k, bool by_rows) {
    return by_rows ? (Factor){at, k, 1, NULL} : (Factor){at, 1, rows, NULL};
}

static float *product(const int64_t *s, Factor A, Factor B, int threads) {
    float *C = constants((size_t)(s[0] * s[1]), 1);
    OWNED uint16_t *room = calloc(gemm_bf16_panels(s[1], s[2]), sizeof *room);
    int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    gemm_bf16(s[0], s[1], s[2], A, B, true, C, s[1], room);
    omp_set_num_threads(before);
    return C;
}

static void products_are_sums_in_double_but_for_rounding(void **state) {
    (void)state;
    if (!gemm_bf16_supported()) skip();
    for (int i = 0; i < 4 * SHAPES; i++) {
        const int64_t *s = shapes[i / 4];
        OWNED float *a = normals(1, (size_t)(s[0] * s[2]), 1), *b = normals(2, (size_t)(s[1] * s[2]), 1);
        Factor A = factor(a, s[0], s[2], i & 1), B = factor(b, s[1], s[2], i & 2);
        OWNED float *C = product(s, A, B, 2);
        OWNED double *want = doubles_of(C, (size_t)(s[0] * s[1]));
        for (int64_t m = 0; m < s[0]; m++)
            for (int64_t n = 0; n < s[1]; n++) {
                double sum = 1;
                for (int64_t k = 0; k < s[2]; k++)
                    sum += (double)A.at[m * A.row + k * A.col] * B.at[n * B.row + k * B.col];
                want[m * s[1] + n] = sum;
            }
        check_close("C", C, want, (size_t)(s[0] * s[1]), ROUNDINGS);
    }
}

static void products_have_the_same_bits_at_any_threads(void **state) {
    (void)state;
    if (!gemm_bf16_supported()) skip();
    for (int i = 0; i < SHAPES; i++) {
        const int64_t *s = shapes[i];
        OWNED float *a = normals(1, (size_t)(s[0] * s[2]), 1), *b = normals(2, (size_t)(s[1] * s[2]), 1);
        OWNED float *one = product(s, factor(a, s[0], s[2], true), factor(b, s[1], s[2], true), 1);
        OWNED float *three = product(s, factor(a, s[0], s[2], true), factor(b, s[1], s[2], true), 3);
        assert_memory_equal(one, three, (size_t)(s[0] * s[1]) * sizeof *one);
    }
}

/* Rows of C do not depend on which others are asked for, nor sums on a cut of k at even places. */
static void parts_of_a_product_have_the_bits_of_the_whole(void **state) {
    (void)state;
    if (!gemm_bf16_supported()) skip();
    enum { K = 700, PART = 222 };
    const int64_t whole[] = {40, 50, K}, rows[] = {17, 50, K};
    OWNED float *a = normals(1, 40 * K, 1), *b = normals(2, 50 * K, 1);
    Factor A = factor(a, 40, K, true), B = factor(b, 50, K, true);
    OWNED float *C = product(whole, A, B, 2), *some = product(rows, A, B, 2);
    assert_memory_equal(C, some, 17 * 50 * sizeof *C);
    OWNED float *parts = constants(40 * 50, 1);
    OWNED uint16_t *room = calloc(gemm_bf16_panels(50, PART), sizeof *room);
    for (int k = 0; k < K; k += PART)
        gemm_bf16(40, 50, K - k < PART ? K - k : PART, (Factor){a + k, A.row, 1, NULL},
                  (Factor){b + k, B.row, 1, NULL}, true, parts, 50, room);
    assert_memory_equal(C, parts, 40 * 50 * sizeof *C);
}

/* A factor that was packed before gives what one gives that is packed on the way. */
static void a_factor_packed_before_gives_the_same_bits(void **state) {
    (void)state;
    if (!gemm_bf16_supported()) skip();
    for (int i = 0; i < 2 * SHAPES; i++) {
        const int64_t *s = shapes[i / 2];
        OWNED float *a = normals(1, (size_t)(s[0] * s[2]), 1), *b = normals(2, (size_t)(s[1] * s[2]), 1);
        Factor A = factor(a, s[0], s[2], true), B = factor(b, s[1], s[2], i & 1);
        OWNED uint16_t *panels = calloc(gemm_bf16_panels(s[1], s[2]), sizeof *panels);
        gemm_bf16_pack(s[1], s[2], B, panels);
        OWNED float *want = product(s, A, B, 2), *got = product(s, A, (Factor){.panels = panels}, 2);
        assert_memory_equal(got, want, (size_t)(s[0] * s[1]) * sizeof *got);
    }
}

/* A product that is too large for the caches is written past them, edges not: as if it were added to zeros.
 */
static void a_large_product_overwrites_what_was_there(void **state) {
    (void)state;
    if (!gemm_bf16_supported()) skip();
    enum { M = 1033, N = 1040, K = 40, LINE = 64 };
    size_t bytes = (size_t)M * N * sizeof(float);
    OWNED float *a = normals(1, M * K, 1), *b = normals(2, N * K, 1), *want = constants(M * N, 0);
    Factor A = factor(a, M, K, true), B = factor(b, N, K, true);
    OWNED uint16_t *room = calloc(gemm_bf16_panels(N, K), sizeof *room);
    gemm_bf16(M, N, K, A, B, true, want, N, room);
    int before = omp_get_max_threads();
    for (int threads = 1; threads <= 3; threads++) {
        OWNED float *C = aligned_alloc(LINE, bytes);
        memset(C, 0xff, bytes); /* NaN */
        omp_set_num_threads(threads);
        gemm_bf16(M, N, K, A, B, false, C, N, room);
        assert_memory_equal(C, want, bytes);
    }
    omp_set_num_threads(before);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_sums_in_double_but_for_rounding),
                                       cmocka_unit_test(products_have_the_same_bits_at_any_threads),
                                       cmocka_unit_test(parts_of_a_product_have_the_bits_of_the_whole),
                                       cmocka_unit_test(a_factor_packed_before_gives_the_same_bits),
                                       cmocka_unit_test(a_large_product_overwrites_what_was_there)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
