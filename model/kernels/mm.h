/* Owns: the small matrix product inside attention tiles: operands already in cache, padded
 * to whole vectors. Does not own: large products (model/kernels/gemm.h). */
#ifndef SINKLAB_MM_H
#define SINKLAB_MM_H

#include "model/kernels/vec.h"

#include <stdbool.h>
#include <stdint.h>

/* One register tile: rows x (cols vectors) of C over all of K, sums in the order of k. A(m,k) is
 * A[m * row + k * col]; rows, cols are literals, so the loops unroll. */
static inline __attribute__((always_inline)) void mm_tile(const int rows, const int cols, float *C, int ldc,
                                                          int K, const float *A, int64_t row, int64_t col,
                                                          const float *B, int ldb, bool add) {
    vf acc[MM_ROWS][2];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) acc[i][j] = add ? vf_load(C + i * ldc + j * VW) : vf_all(0);
    for (int k = 0; k < K; k++) {
        vf b[2];
        for (int j = 0; j < cols; j++) b[j] = vf_load(B + (int64_t)k * ldb + j * VW);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            float a = A[i * row + k * col];
#pragma GCC unroll 2
            for (int j = 0; j < cols; j++) acc[i][j] += a * b[j];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) vf_store(C + i * ldc + j * VW, acc[i][j]);
}

/* C[M,N] = A[M,K] B[K,N] (+ C when add). M a multiple of MM_ROWS, N of VW. */
static inline void mm(float *C, int ldc, int M, int N, int K, const float *A, int64_t row, int64_t col,
                      const float *B, int ldb, bool add) {
    int n = 0;
    for (; n + 2 * VW <= N; n += 2 * VW)
        for (int m = 0; m < M; m += MM_ROWS)
            mm_tile(MM_ROWS, 2, C + (int64_t)m * ldc + n, ldc, K, A + m * row, row, col, B + n, ldb, add);
    for (; n < N; n += VW)
        for (int m = 0; m < M; m += MM_ROWS)
            mm_tile(MM_ROWS, 1, C + (int64_t)m * ldc + n, ldc, K, A + m * row, row, col, B + n, ldb, add);
}

#endif
