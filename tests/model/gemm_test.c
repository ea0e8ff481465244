/* model/kernels/gemm.c: the three products against naive loops, and its promise that the result's bits depend
 * neither on the threads nor on what else is asked for in the call, for each family of BLIS's
 * kernels that this machine can run. BLIS freezes its choice at the first product, so each family has
 * a process of its own: this program again, with BLIS_ARCH_TYPE set. */
#include "tests/model/support.h"

#include "model/kernels/gemm.h"

#include <blis.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void Gemm(int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B, int64_t ldb,
                  float beta, float *C, int64_t ldc);

/* A product and how its operands are stored. */
typedef struct Product {
    const char *name;
    Gemm *run;
    bool a_by_k, b_by_n; /* stored (k, m); stored (n, k) */
} Product;

static void gemm_tn(int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B, int64_t ldb,
                    float beta, float *C, int64_t ldc) {
    gemm_tn_cut(m, n, k, k, A, lda, B, ldb, beta, C, ldc);
}

static const Product products[] = {
    {"nt", gemm_nt, false, true}, {"nn", gemm_nn, false, false}, {"tn", gemm_tn, true, false}};
enum { PRODUCTS = 3 };

typedef struct Sizes {
    int m, n, k;
} Sizes;

/* One product's operands, each with columns to spare. */
typedef struct Operands {
    int64_t lda, ldb, ldc;
    size_t nC;
    float *A, *B, *C;
} Operands;

/* Of [-1/2, 1/2): a counter mixed, cheaper than normals for the large products here. */
static float *numbers(uint32_t seed, size_t n) {
    float *x = constants(n, 0);
    for (size_t i = 0; i < n; i++) {
        uint32_t mixed = ((uint32_t)i + seed * 40503u) * 2654435761u;
        x[i] = (float)((mixed ^ mixed >> 15) >> 8) * 0x1p-24f - 0.5f;
    }
    return x;
}

static Operands operands_of(const Product *p, const Sizes *s) {
    Operands o = {
        .lda = (p->a_by_k ? s->m : s->k) + 3, .ldb = (p->b_by_n ? s->k : s->n) + 1, .ldc = s->n + 5};
    o.nC = (size_t)(s->m * o.ldc);
    o.A = numbers(1, (size_t)((p->a_by_k ? s->k : s->m) * o.lda));
    o.B = numbers(2, (size_t)((p->b_by_n ? s->n : s->k) * o.ldb));
    o.C = numbers(3, o.nC);
    return o;
}

static void operands_free(Operands *o) {
    free(o->A);
    free(o->B);
    free(o->C);
}

/* ---- values ---- */

static void check(const Product *p, const Sizes *s, float beta) {
    Operands o = operands_of(p, s);
    OWNED double *want = doubles_of(o.C, o.nC);
    for (int m = 0; m < s->m; m++)
        for (int n = 0; n < s->n; n++) {
            double sum = beta * want[m * o.ldc + n];
            for (int k = 0; k < s->k; k++)
                sum += (double)o.A[p->a_by_k ? k * o.lda + m : m * o.lda + k] *
                       o.B[p->b_by_n ? n * o.ldb + k : k * o.ldb + n];
            want[m * o.ldc + n] = sum;
            if (beta == 0) o.C[m * o.ldc + n] = NAN; /* must be overwritten, not multiplied */
        }
    p->run(s->m, s->n, s->k, o.A, o.lda, o.B, o.ldb, beta, o.C, o.ldc);
    check_close(p->name, o.C, want, o.nC, s->k + 1);
    operands_free(&o);
}

static void products_are_sums_in_double_but_for_rounding(void **state) {
    (void)state;
    const Sizes sizes[] = {{1, 1, 1}, {7, 5, 3}, {1, 97, 33}, {33, 1, 100}, {64, 48, 16}, {101, 67, 300}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int p = 0; p < PRODUCTS; p++) {
            check(&products[p], &sizes[i], 0);
            check(&products[p], &sizes[i], 1);
        }
}

static void the_family_is_skx_where_the_cpu_has_avx512(void **state) {
    (void)state;
    assert_true(gemm_is_generic("generic"));
    assert_false(gemm_is_generic("skx"));
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (avx512) assert_string_equal(gemm_start(), "skx");
}

/* The own kernel's bits are those of BLIS's skx kernels, by calls to BLIS itself. */
static void the_own_kernel_has_the_bits_of_blis(void **state) {
    (void)state;
    if (strcmp(gemm_start(), "skx")) skip();
    const Sizes sizes[] = {{1, 1, 1},      {7, 5, 3},       {13, 33, 385},   {24, 64, 480},   {25, 65, 481},
                           {97, 331, 865}, {256, 384, 128}, {100, 700, 961}, {37, 320, 1024}, {12, 32, 4096}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int p = 0; p < PRODUCTS; p++)
            for (int beta = 0; beta < 2; beta++) {
                const Sizes *s = &sizes[i];
                Operands own = operands_of(&products[p], s), blis = operands_of(&products[p], s);
                float one = 1, scale = (float)beta;
                products[p].run(s->m, s->n, s->k, own.A, own.lda, own.B, own.ldb, scale, own.C, own.ldc);
                bli_sgemm(products[p].a_by_k ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE,
                          products[p].b_by_n ? BLIS_TRANSPOSE : BLIS_NO_TRANSPOSE, s->m, s->n, s->k, &one,
                          blis.A, blis.lda, 1, blis.B, blis.ldb, 1, &scale, blis.C, blis.ldc, 1);
                assert_memory_equal(own.C, blis.C, own.nC * sizeof *own.C);
                operands_free(&own);
                operands_free(&blis);
            }
}

/* ---- bits, in a process of its own ---- */

/* Odd and even, edges of every register tile, the model's own forms; k past one of BLIS's panels. */
static const Sizes bit_sizes[] = {{1, 1, 1},       {7, 5, 3},       {33, 97, 36},    {231, 108, 36},
                                  {97, 36, 231},   {256, 384, 128}, {384, 128, 256}, {255, 383, 127},
                                  {101, 203, 517}, {513, 259, 64},  {41, 37, 1031},  {300, 1001, 96}};

static bool same_rows(const float *a, const float *b, const Sizes *s, int64_t ld) {
    for (int m = 0; m < s->m; m++)
        if (memcmp(a + m * ld, b + m * ld, (size_t)s->n * sizeof *a)) return false;
    return true;
}

/* At one thread, two and three. */
static bool threads_agree(const Product *p, const Sizes *s, float beta) {
    Operands one = operands_of(p, s);
    bool same = true;
    omp_set_num_threads(1);
    p->run(s->m, s->n, s->k, one.A, one.lda, one.B, one.ldb, beta, one.C, one.ldc);
    for (int threads = 2; threads <= 3; threads++) {
        Operands more = operands_of(p, s);
        omp_set_num_threads(threads);
        p->run(s->m, s->n, s->k, more.A, more.lda, more.B, more.ldb, beta, more.C, more.ldc);
        same &= same_rows(one.C, more.C, s, one.ldc);
        operands_free(&more);
    }
    operands_free(&one);
    return same;
}

/* Rows m0 .. of a product asked for alone. */
static bool rows_agree(const Product *p, const Sizes *s, float beta) {
    Operands all = operands_of(p, s), part = operands_of(p, s);
    omp_set_num_threads(1);
    p->run(s->m, s->n, s->k, all.A, all.lda, all.B, all.ldb, beta, all.C, all.ldc);
    const int cuts[] = {0, s->m / 3, s->m / 2, s->m};
    for (int i = 0; i < 3; i++) {
        const float *A = part.A + (p->a_by_k ? cuts[i] : cuts[i] * part.lda);
        p->run(cuts[i + 1] - cuts[i], s->n, s->k, A, part.lda, part.B, part.ldb, beta,
               part.C + cuts[i] * part.ldc, part.ldc);
    }
    bool same = same_rows(all.C, part.C, s, all.ldc);
    operands_free(&all);
    operands_free(&part);
    return same;
}

/* k in one call, cut, and in a call for each cut. */
static bool cuts_agree(const Sizes *s) {
    Operands one = operands_of(&products[2], s), calls = operands_of(&products[2], s);
    int cut = s->k / 3 + 1;
    gemm_tn_cut(s->m, s->n, s->k, cut, one.A, one.lda, one.B, one.ldb, 1, one.C, one.ldc);
    for (int k = 0; k < s->k; k += cut)
        gemm_tn(s->m, s->n, s->k - k < cut ? s->k - k : cut, calls.A + k * calls.lda, calls.lda,
                calls.B + k * calls.ldb, calls.ldb, 1, calls.C, calls.ldc);
    bool same = same_rows(one.C, calls.C, s, one.ldc);
    operands_free(&one);
    operands_free(&calls);
    return same;
}

/* The child: prints what differs, returns how many. */
static int count_differences(const char *family) {
    if (strcmp(gemm_start(), family)) {
        printf("%s: BLIS runs another family\n", family);
        return 1;
    }
    int bad = 0;
    for (size_t i = 0; i < sizeof bit_sizes / sizeof *bit_sizes; i++)
        for (int p = 0; p < PRODUCTS; p++) {
            const Sizes *s = &bit_sizes[i];
            float beta = i % 2;
            bool threads = threads_agree(&products[p], s, beta), rows = rows_agree(&products[p], s, beta),
                 cuts = cuts_agree(s);
            if (threads && rows && cuts) continue;
            bad++;
            printf("%s: %s %d x %d x %d, beta %g:%s%s%s\n", family, products[p].name, s->m, s->n, s->k, beta,
                   threads ? "" : " threads differ", rows ? "" : " rows differ", cuts ? "" : " cuts differ");
        }
    return bad;
}

static bool has_fma(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static bool has_avx512(void) {
    return has_fma() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
static bool has_avx(void) {
    return __builtin_cpu_supports("avx");
}
static bool has_sse3(void) {
    return __builtin_cpu_supports("sse3");
}
static bool any(void) {
    return true;
}

/* BLIS's families for x86-64 and what each needs. (bulldozer .. excavator need FMA4, knl its own AVX-512.) */
static const struct {
    const char *name;
    bool (*runs)(void);
} families[] = {{"skx", has_avx512}, {"haswell", has_fma},     {"zen", has_fma},     {"zen2", has_fma},
                {"zen3", has_fma},   {"sandybridge", has_avx}, {"penryn", has_sse3}, {"generic", any}};

static int family_number(const char *name) {
    for (int i = 0; i < BLIS_NUM_ARCHS; i++)
        if (!strcmp(bli_arch_string((arch_t)i), name)) return i;
    return -1;
}

static int run_family(const char *name) {
    char number[16];
    snprintf(number, sizeof number, "%d", family_number(name));
    pid_t child = fork();
    if (!child) {
        setenv("BLIS_ARCH_TYPE", number, 1);
        execl("/proc/self/exe", "gemm_test", name, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void every_family_has_the_same_bits_at_any_threads(void **state) {
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (!families[i].runs() || family_number(families[i].name) < 0) continue;
        int differ = run_family(families[i].name);
        printf("%-12s %s\n", families[i].name, differ ? "differs" : "same bits");
        bad += differ > 0;
    }
    assert_int_equal(bad, 0);
}

int main(int argc, char **argv) {
    if (argc == 2) return count_differences(argv[1]) > 0;
    gemm_start();
    const struct CMUnitTest tests[] = {cmocka_unit_test(products_are_sums_in_double_but_for_rounding),
                                       cmocka_unit_test(the_own_kernel_has_the_bits_of_blis),
                                       cmocka_unit_test(the_family_is_skx_where_the_cpu_has_avx512),
                                       cmocka_unit_test(every_family_has_the_same_bits_at_any_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
