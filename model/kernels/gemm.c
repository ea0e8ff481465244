#include "model/kernels/gemm.h"

#include "data/base/error.h"
#include "model/kernels/gemm_packed.h"

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

/* C[m,n] = op(A) op(B) + beta C, the sum over k added to C `cut` terms at a time. */
typedef struct Operands {
    trans_t ta, tb;
    int64_t k, cut;
    const float *A, *B;
    int64_t lda, ldb;
    float beta;
    float *C;
    int64_t ldc;
} Operands;

/* Strips of C, one a thread, are multiples of 24 rows or 32 columns, so that no register tile is split,
 * neither of BLIS's families (6, 8, 12, 24 rows of C in memory; 8, 16, 32 columns) nor the lowest of the own
 * kernel. Larger multiples would leave two threads with unequal strips. Results do not depend on these
 * numbers (gemm_test). */
enum { TILE_ROWS = 24, TILE_COLS = 32 };

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
        if (setenv("BLIS_ARCH_TYPE", number, 1)) out_of_memory(); /* another family would round otherwise */
    }
    bli_init();
    bli_thread_set_num_threads(1); /* for LAPACK's calls, which do not come through here */
    return bli_arch_string(bli_arch_query_id());
}

bool gemm_is_generic(const char *arch) {
    return !strncmp(arch, "generic", strlen("generic"));
}

/* Whether the own kernel takes the place of BLIS's: only where both give the same bits. */
static bool is_packed(Depth *depth) {
    if (bli_arch_query_id() != BLIS_ARCH_SKX || !gemm_packed_supported()) return false;
    cntx_t *kernels = bli_gks_query_cntx();
    *depth = (Depth){bli_cntx_get_blksz_def_dt(BLIS_FLOAT, BLIS_KC, kernels),
                     bli_cntx_get_blksz_max_dt(BLIS_FLOAT, BLIS_KC, kernels)};
    return depth->most <= PACKED_MOST;
}

static const float *at_k(const float *x, trans_t t, int64_t ld, int64_t k, bool left) {
    return x + ((t == BLIS_TRANSPOSE) == left ? k * ld : k);
}

/* One thread's product, C's rows m0 .. m1 and columns n0 .. n1. */
static void packed_product(const Operands *o, Depth depth, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    Operand A = {o->A, o->lda, 1}, B = {o->B, 1, o->ldb};
    if (o->ta == BLIS_TRANSPOSE) A = (Operand){o->A, 1, o->lda};
    if (o->tb == BLIS_TRANSPOSE) B = (Operand){o->B, o->ldb, 1};
    A.at += m0 * A.row;
    B.at += n0 * B.row;
    for (int64_t k = 0; k < o->k; k += o->cut) {
        int64_t terms = o->k - k < o->cut ? o->k - k : o->cut;
        gemm_packed(m1 - m0, n1 - n0, terms, (Operand){A.at + k * A.col, A.row, A.col},
                    (Operand){B.at + k * B.col, B.row, B.col}, depth, k || o->beta != 0,
                    o->C + m0 * o->ldc + n0, o->ldc);
    }
}

/* "Small/unpacked" kernels are left out: where a family has them, which one runs depends on the sizes of the
 * call, and with it the order of the sums. */
static void blis_product(const Operands *o, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    rntm_t threads;
    bli_rntm_init(&threads);
    bli_rntm_set_num_threads(1, &threads);
    bli_rntm_disable_l3_sup(&threads);
    float one = 1, beta = o->beta;
    const float *A = o->A + (o->ta == BLIS_TRANSPOSE ? m0 : m0 * o->lda);
    const float *B = o->B + (o->tb == BLIS_TRANSPOSE ? n0 * o->ldb : n0);
    for (int64_t k = 0; k < o->k; k += o->cut) {
        int64_t terms = o->k - k < o->cut ? o->k - k : o->cut;
        bli_sgemm_ex(o->ta, o->tb, m1 - m0, n1 - n0, terms, &one, (float *)at_k(A, o->ta, o->lda, k, true),
                     o->lda, 1, (float *)at_k(B, o->tb, o->ldb, k, false), o->ldb, 1, &beta,
                     o->C + m0 * o->ldc + n0, o->ldc, 1, NULL, &threads);
        beta = 1;
    }
}

static void product(const Operands *o, int64_t m0, int64_t m1, int64_t n0, int64_t n1) {
    Depth depth;
    if (is_packed(&depth))
        packed_product(o, depth, m0, m1, n0, n1);
    else
        blis_product(o, m0, m1, n0, n1);
}

static int64_t tile_of(int64_t m, int64_t n) {
    Depth depth;
    return m <= n ? TILE_COLS : is_packed(&depth) ? PACKED_ROWS : TILE_ROWS;
}

int64_t gemm_pieces(int64_t m, int64_t n) {
    int64_t tile = tile_of(m, n);
    return ((m > n ? m : n) + tile - 1) / tile;
}

/* Threads of OpenMP each take a strip of C along its longer side. BLIS's own threads are not used: their
 * barriers spin, and on a machine that others use too a step then takes many times as long. */
static void threaded(const Operands *o, int64_t m, int64_t n) {
    int64_t tiles = gemm_pieces(m, n), tile = tile_of(m, n);
    int team = omp_in_parallel() ? 1 : omp_get_max_threads();
#pragma omp parallel num_threads(team) if (team > 1)
    {
        int64_t t = omp_get_thread_num(), of = omp_get_num_threads();
        int64_t from = tiles * t / of * tile, to = tiles * (t + 1) / of * tile;
        if (m > n) {
            if (to > m) to = m;
            if (from < to) product(o, from, to, 0, n);
        } else {
            if (to > n) to = n;
            if (from < to) product(o, 0, m, from, to);
        }
    }
}

void gemm_nt(int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B, int64_t ldb,
             float beta, float *C, int64_t ldc) {
    threaded(&(Operands){BLIS_NO_TRANSPOSE, BLIS_TRANSPOSE, k, k, A, B, lda, ldb, beta, C, ldc}, m, n);
}

void gemm_nn(int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B, int64_t ldb,
             float beta, float *C, int64_t ldc) {
    threaded(&(Operands){BLIS_NO_TRANSPOSE, BLIS_NO_TRANSPOSE, k, k, A, B, lda, ldb, beta, C, ldc}, m, n);
}

void gemm_tn_cut(int64_t m, int64_t n, int64_t k, int64_t cut, const float *A, int64_t lda, const float *B,
                 int64_t ldb, float beta, float *C, int64_t ldc) {
    threaded(&(Operands){BLIS_TRANSPOSE, BLIS_NO_TRANSPOSE, k, cut, A, B, lda, ldb, beta, C, ldc}, m, n);
}
