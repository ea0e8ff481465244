/* The bf16 product against sums in double, its promise about bits, and the order of its sums, by every kernel
 * that this CPU has and by an emulation of AMX, which every CPU has. */
#include "tests/model/support.h"

#include "model/kernels/gemm_bf16.h"
#include "tests/model/bf16_emulated.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Each of the two inputs of a product is wrong by at most 2^-9 of itself: 2^-8 in all, which in the unit of
 * check_close, four roundings of fp32, is 2^14. Beside this the roundings of sums are nothing, in whichever
 * order a kernel makes them, and so are products below 2^-126, which become zero. */
enum { ROUNDINGS = 1 << 14 };

static const Bf16Kernel *const kernels[] = {&bf16_avx512, &bf16_amx, &bf16_emulated};
enum { KERNELS = sizeof kernels / sizeof *kernels };

static const int64_t shapes[][3] = {{1, 1, 1},      {12, 32, 256}, {13, 33, 257}, {97, 70, 515},
                                    {200, 129, 31}, {32, 64, 96},  {33, 31, 1100}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Every test, by every kernel. */
static void by_every_kernel(void (*check)(const Bf16Kernel *)) {
    for (int i = 0; i < KERNELS; i++)
        if (kernels[i]->supported()) check(kernels[i]);
}

/* k adjacent, or rows adjacent. */
static Factor factor(const float *at, int64_t rows, int64_t k, bool by_rows) {
    return by_rows ? (Factor){at, k, 1, NULL} : (Factor){at, 1, rows, NULL};
}

static float *product(const Bf16Kernel *kernel, const int64_t *s, Factor A, Factor B, int threads) {
    float *C = constants((size_t)(s[0] * s[1]), 1);
    OWNED uint16_t *room = calloc(gemm_bf16_panels(s[1], s[2]), sizeof *room);
    int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    gemm_bf16_by(kernel, s[0], s[1], s[2], A, B, true, C, s[1], room);
    omp_set_num_threads(before);
    return C;
}

static void against_double(const Bf16Kernel *kernel) {
    for (int i = 0; i < 4 * SHAPES; i++) {
        const int64_t *s = shapes[i / 4];
        OWNED float *a = normals(1, (size_t)(s[0] * s[2]), 1), *b = normals(2, (size_t)(s[1] * s[2]), 1);
        Factor A = factor(a, s[0], s[2], i & 1), B = factor(b, s[1], s[2], i & 2);
        OWNED float *C = product(kernel, s, A, B, 2);
        OWNED double *want = doubles_of(C, (size_t)(s[0] * s[1]));
        for (int64_t m = 0; m < s[0]; m++)
            for (int64_t n = 0; n < s[1]; n++) {
                double sum = 1;
                for (int64_t k = 0; k < s[2]; k++)
                    sum += (double)A.at[m * A.row + k * A.col] * B.at[n * B.row + k * B.col];
                want[m * s[1] + n] = sum;
            }
        check_close(kernel->name, C, want, (size_t)(s[0] * s[1]), ROUNDINGS);
    }
}

static void a_product_is_its_sums(void **state) {
    (void)state;
    by_every_kernel(against_double);
}

static void any_threads(const Bf16Kernel *kernel) {
    const int threads[] = {2, 3, 7, 16};
    for (int i = 0; i < 4 * SHAPES; i++) {
        const int64_t *s = shapes[i / 4];
        OWNED float *a = normals(1, (size_t)(s[0] * s[2]), 1), *b = normals(2, (size_t)(s[1] * s[2]), 1);
        Factor A = factor(a, s[0], s[2], i & 1), B = factor(b, s[1], s[2], i & 2);
        OWNED float *one = product(kernel, s, A, B, 1), *many = product(kernel, s, A, B, threads[i % 4]);
        assert_memory_equal(one, many, (size_t)(s[0] * s[1]) * sizeof *one);
    }
}

static void threads_change_no_bit(void **state) {
    (void)state;
    by_every_kernel(any_threads);
}

/* Rows of C do not depend on which others are asked for, nor sums on a cut of k at multiples of BF16_CUT. */
static void in_parts(const Bf16Kernel *kernel) {
    enum { K = 700, PART = 7 * BF16_CUT };
    const int64_t whole[] = {40, 50, K}, rows[] = {17, 50, K};
    OWNED float *a = normals(1, 40 * K, 1), *b = normals(2, 50 * K, 1);
    Factor A = factor(a, 40, K, true), B = factor(b, 50, K, true);
    OWNED float *C = product(kernel, whole, A, B, 2), *some = product(kernel, rows, A, B, 2);
    assert_memory_equal(C, some, 17 * 50 * sizeof *C);
    OWNED float *parts = constants(40 * 50, 1);
    OWNED uint16_t *room = calloc(gemm_bf16_panels(50, PART), sizeof *room);
    for (int k = 0; k < K; k += PART)
        gemm_bf16_by(kernel, 40, 50, K - k < PART ? K - k : PART, (Factor){a + k, A.row, 1, NULL},
                     (Factor){b + k, B.row, 1, NULL}, true, parts, 50, room);
    assert_memory_equal(C, parts, 40 * 50 * sizeof *C);
}

static void parts_of_a_product_have_its_bits(void **state) {
    (void)state;
    by_every_kernel(in_parts);
}

/* A factor that was packed before gives what one gives that is packed on the way. */
static void a_factor_may_be_packed_before(void **state) {
    (void)state;
    if (!gemm_bf16_supported()) skip();
    for (int i = 0; i < 2 * SHAPES; i++) {
        const int64_t *s = shapes[i / 2];
        OWNED float *a = normals(1, (size_t)(s[0] * s[2]), 1), *b = normals(2, (size_t)(s[1] * s[2]), 1);
        Factor A = factor(a, s[0], s[2], true), B = factor(b, s[1], s[2], i & 1);
        OWNED uint16_t *panels = calloc(gemm_bf16_panels(s[1], s[2]), sizeof *panels);
#pragma omp parallel num_threads(3)
        gemm_bf16_pack(s[1], s[2], B, panels);
        OWNED float *want = product(bf16_kernel(), s, A, B, 2),
                    *got = product(bf16_kernel(), s, A, (Factor){.panels = panels}, 2);
        assert_memory_equal(got, want, (size_t)(s[0] * s[1]) * sizeof *got);
    }
}

/* A product that is too large for the caches is written past them, edges not: as if it were added to zeros.
 */
static void overwritten(const Bf16Kernel *kernel) {
    enum { M = 1033, N = 1040, K = 40, LINE = 64 };
    size_t bytes = (size_t)M * N * sizeof(float);
    OWNED float *a = normals(1, M * K, 1), *b = normals(2, N * K, 1), *want = constants(M * N, 0);
    Factor A = factor(a, M, K, true), B = factor(b, N, K, true);
    OWNED uint16_t *room = calloc(gemm_bf16_panels(N, K), sizeof *room);
    gemm_bf16_by(kernel, M, N, K, A, B, true, want, N, room);
    int before = omp_get_max_threads();
    for (int threads = 1; threads <= 3; threads++) {
        OWNED float *C = aligned_alloc(LINE, bytes);
        memset(C, 0xff, bytes); /* NaN */
        omp_set_num_threads(threads);
        gemm_bf16_by(kernel, M, N, K, A, B, false, C, N, room);
        assert_memory_equal(C, want, bytes);
    }
    omp_set_num_threads(before);
}

static void a_large_product_is_overwritten(void **state) {
    (void)state;
    by_every_kernel(overwritten);
}

/* ---- the order of sums ---- */

/* One element of C by its terms, each a product of two factors that bf16 holds. */
static float summed(const Bf16Kernel *kernel, int64_t k, const float *a, const float *b, float c) {
    OWNED uint16_t *room = calloc(gemm_bf16_panels(1, k), sizeof *room);
    gemm_bf16_by(kernel, 1, 1, k, (Factor){a, k, 1, NULL}, (Factor){b, k, 1, NULL}, true, &c, 1, room);
    return c;
}

/* Terms 2^24, 1, 1, 1, -2^24 of a block of 32. Where even and odd ones are summed apart the ones that follow
 * 2^24 among the even are lost, those among the odd are not. */
static void planted(const Bf16Kernel *kernel) {
    const float terms[] = {0x1p24f, 1, 1, 1, -0x1p24f, 0};
    float a[40] = {0}, b[40], tiny = 0x1p-126f, huge = 0x1p100f;
    for (int i = 0; i < 40; i++) b[i] = 1;
    memcpy(a, terms, sizeof terms);
    bool apart = kernel != &bf16_avx512;
    assert_true(!apart || summed(kernel, 32, a, b, 0) == 2);
    /* the sum of a block is added to C, a term is not: 2^24 + (1 + 1) against (2^24 + 1) + 1 */
    const float ones[] = {1, 1};
    assert_true(!apart || summed(kernel, 2, ones, b, 0x1p24f) == 0x1p24f + 2);
    /* the next block is another: 2^24 + 1 is lost there */
    memset(a, 0, sizeof a);
    a[31] = a[33] = 1;
    assert_true(summed(kernel, 34, a, b, 0x1p24f) == 0x1p24f);
    /* what is denormal is zero: a product, a factor, and C */
    const float small[] = {0x1p-80f}, one[] = {1}, denormal[] = {0x1p-127f}, large[] = {huge};
    assert_true(summed(kernel, 1, small, small, 0) == 0);
    assert_true(summed(kernel, 1, denormal, large, 0) == 0);
    assert_true(summed(kernel, 1, one, (const float[]){0}, tiny / 2) == 0);
    assert_true(summed(kernel, 1, one, &tiny, 0) == tiny);
}

static void sums_run_in_the_order_of_the_manual(void **state) {
    (void)state;
    by_every_kernel(planted);
}

/* Values over the whole range of exponents, so that sums cancel, round, fall below 2^-126 and overflow. */
static float *wild(uint64_t seed, size_t n) {
    float *x = normals(seed, n, 1), *e = normals(seed + 100, n, 1);
    for (size_t i = 0; i < n; i++) {
        uint32_t word;
        memcpy(&word, &x[i], sizeof word);
        int shift = (int)(30 * e[i]);
        for (int s = shift; s > 0; s--) x[i] *= 2;
        for (int s = shift; s < 0; s++) x[i] /= 2;
    }
    free(e);
    return x;
}

static bool same(float a, float b) {
    return (a != a && b != b) || !memcmp(&a, &b, sizeof a);
}

static void amx_agrees_with_its_emulation(void **state) {
    (void)state;
    if (!bf16_amx.supported()) skip();
    for (int i = 0; i < 8 * SHAPES; i++) {
        const int64_t *s = shapes[i / 8];
        size_t m = (size_t)(s[0] * s[2]), n = (size_t)(s[1] * s[2]);
        OWNED float *a = i & 4 ? wild(1, m) : normals(1, m, 1), *b = i & 4 ? wild(2, n) : normals(2, n, 1);
        Factor A = factor(a, s[0], s[2], i & 1), B = factor(b, s[1], s[2], i & 2);
        OWNED float *got = product(&bf16_amx, s, A, B, 2), *want = product(&bf16_emulated, s, A, B, 2);
        for (int64_t c = 0; c < s[0] * s[1]; c++)
            if (!same(got[c], want[c]))
                fail_msg("%lld x %lld x %lld, case %d: %a at %lld, not %a", (long long)s[0], (long long)s[1],
                         (long long)s[2], i % 8, got[c], (long long)c, want[c]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_product_is_its_sums),
                                       cmocka_unit_test(threads_change_no_bit),
                                       cmocka_unit_test(parts_of_a_product_have_its_bits),
                                       cmocka_unit_test(a_factor_may_be_packed_before),
                                       cmocka_unit_test(a_large_product_is_overwritten),
                                       cmocka_unit_test(sums_run_in_the_order_of_the_manual),
                                       cmocka_unit_test(amx_agrees_with_its_emulation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
