#include "model/kernels/mm_bf16.h"

#include "model/kernels/gemm_bf16.h"

/* ROOM: elements of A that are packed at a time, and DEPTH: the k of a panel of B; both stay in a first-level
 * cache. */
enum { ROOM = 1 << 14, DEPTH = 256 };

static int least(int a, int b) {
    return a < b ? a : b;
}

static int round_up(int n, int to) {
    return (n + to - 1) / to * to;
}

/* `rows` of C and the columns of a panel. */
static void tiles(const Bf16Kernel *kernel, float *C, int ldc, int rows, int cols, int terms,
                  const uint16_t *A, const uint16_t *B, bool add) {
    int high = kernel->rows, panel = high * round_up(terms, BF16_CUT);
    for (int m = 0; m < rows; m += high, C += (int64_t)high * ldc, A += panel)
        if (m + high <= rows && BF16_COLS <= cols)
            kernel->tile(C, ldc, terms, A, B, add ? BF16_ADD : BF16_SET);
        else
            bf16_edge(kernel, C, ldc, rows - m, cols, terms, A, B, add);
}

/* The product as gemm_bf16.c makes large ones: panels of both factors, tiles of C. */
static void by_panels(const Bf16Kernel *kernel, float *C, int ldc, int M, int N, int K, Factor A, Factor B,
                      bool add) {
    _Alignas(64) uint16_t left[ROOM], right[DEPTH * BF16_COLS];
    kernel->begin();
    for (int k = 0; k < K; k += DEPTH) {
        int terms = least(DEPTH, K - k), deep = round_up(terms, BF16_CUT),
            high = ROOM / deep / kernel->rows * kernel->rows;
        Factor a = {A.at + k * A.col, A.row, A.col, NULL}, b = {B.at + k * B.col, B.row, B.col, NULL};
        for (int m = 0; m < M; m += high) {
            int rows = least(high, M - m);
            kernel->pack_left(left, a, m, m + rows, terms, kernel->rows * deep);
            for (int n = 0; n < N; n += BF16_COLS) {
                kernel->pack_right(right, b, n, least(n + BF16_COLS, N), terms, BF16_COLS * deep);
                tiles(kernel, C + (int64_t)m * ldc + n, ldc, rows, N - n, terms, left, right, add || k);
            }
        }
    }
    kernel->end();
}

void mm_bf16_by(const Bf16Kernel *kernel, float *C, int ldc, int M, int N, int K, const float *A, int64_t row,
                int64_t col, const float *B, int ldb, bool add) {
    if (kernel->mm)
        kernel->mm(C, ldc, M, N, K, A, row, col, B, ldb, add);
    else
        by_panels(kernel, C, ldc, M, N, K, (Factor){A, row, col, NULL}, (Factor){B, 1, ldb, NULL}, add);
}

void mm_bf16(float *C, int ldc, int M, int N, int K, const float *A, int64_t row, int64_t col, const float *B,
             int ldb, bool add) {
    mm_bf16_by(bf16_kernel(), C, ldc, M, N, K, A, row, col, B, ldb, add);
}
