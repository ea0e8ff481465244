/* Owns: the small product of attention tiles (mm.h) with its factors rounded to bf16 as they are packed, and
 * fp32 sums over k in the order of the large product. Only where gemm_bf16_supported.
 * Does not own: large products in bf16 (model/kernels/gemm_bf16.h). */
#ifndef SINKLAB_MM_BF16_H
#define SINKLAB_MM_BF16_H

#include "model/kernels/bf16_kernel.h"

/* The product of mm.h: C[M,N] = A[M,K] B[K,N] (+ C when add), A(m,k) at A[m * row + k * col], of which one
 * is 1. M a multiple of 4. */
void mm_bf16(float *C, int ldc, int M, int N, int K, const float *A, int64_t row, int64_t col, const float *B,
             int ldb, bool add);
/* The same product by a kernel that the caller names. */
void mm_bf16_by(const Bf16Kernel *kernel, float *C, int ldc, int M, int N, int K, const float *A, int64_t row,
                int64_t col, const float *B, int ldb, bool add);

#endif
