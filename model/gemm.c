#include "model/gemm.h"

#include <blis.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number by which BLIS_ARCH_TYPE knows a family depends on BLIS's version: look it up. */
static int arch_number(const char *name) {
    for (int i = 0; i < BLIS_NUM_ARCHS; i++)
        if (!strcmp(bli_arch_string((arch_t)i), name)) return i;
    return -1;
}

static bool has_avx512(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#else
    return false;
#endif
}

const char *gemm_start(void) {
    int skx = arch_number("skx");
    if (!getenv("BLIS_ARCH_TYPE") && skx >= 0 && has_avx512()) {
        char number[16];
        snprintf(number, sizeof number, "%d", skx);
        setenv("BLIS_ARCH_TYPE", number, 1);
    }
    bli_init();
    return bli_arch_string(bli_arch_query_id());
}

bool gemm_is_generic(const char *arch) {
    return !strcmp(arch, "generic");
}

/* "Small/unpacked" kernels are left out: where a family has them, which one runs depends on
 * the sizes of the call, and with it the order of the sums. */
static void product(trans_t ta, trans_t tb, int64_t m, int64_t n, int64_t k, const float *A, int64_t lda,
                    const float *B, int64_t ldb, float beta, float *C, int64_t ldc) {
    rntm_t threads;
    bli_rntm_init(&threads);
    bli_rntm_set_num_threads(omp_in_parallel() ? 1 : omp_get_max_threads(), &threads);
    bli_rntm_disable_l3_sup(&threads);
    float one = 1;
    bli_sgemm_ex(ta, tb, m, n, k, &one, (float *)A, lda, 1, (float *)B, ldb, 1, &beta, C, ldc, 1, NULL,
                 &threads);
}

void gemm_nt(int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B, int64_t ldb,
             float beta, float *C, int64_t ldc) {
    product(BLIS_NO_TRANSPOSE, BLIS_TRANSPOSE, m, n, k, A, lda, B, ldb, beta, C, ldc);
}

void gemm_nn(int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B, int64_t ldb,
             float beta, float *C, int64_t ldc) {
    product(BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, m, n, k, A, lda, B, ldb, beta, C, ldc);
}

void gemm_tn(int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B, int64_t ldb,
             float beta, float *C, int64_t ldc) {
    product(BLIS_TRANSPOSE, BLIS_NO_TRANSPOSE, m, n, k, A, lda, B, ldb, beta, C, ldc);
}
