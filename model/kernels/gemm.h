/* Owns: matrix products, through BLIS or the own kernel that has its bits (model/kernels/gemm_packed.h): the
 * choice of kernel, the threads. The only file that knows BLIS. All matrices are row-major with a leading
 * dimension; the result's bits do not depend on the number of threads, nor on which other rows or columns are
 * asked for in the same call; they do depend on how k is cut into calls. Does not own: that cut
 * (model/linear.c), products in bf16 (model/kernels/gemm_bf16.h). */
#ifndef SINKLAB_GEMM_H
#define SINKLAB_GEMM_H

#include <stdbool.h>
#include <stdint.h>

/* Chooses BLIS's kernels, once, before the first product: AVX-512 where the CPU has it and
 * the user did not choose (BLIS_ARCH_TYPE), since BLIS 0.9 falls to its generic kernel on
 * CPUs newer than itself. Returns the name of the family in force ("skx"). */
const char *gemm_start(void);
/* Whether `arch`, a family of BLIS's kernels by name, is one of plain C, made for no CPU in particular. */
bool gemm_is_generic(const char *arch);

/* beta: 0 or 1. C[m,n] = A[m,k] B[n,k]^T + beta C: a forward pass, Y = X W^T. */
void gemm_nt(int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B, int64_t ldb,
             float beta, float *C, int64_t ldc);
/* C[m,n] = A[m,k] B[k,n] + beta C: a gradient of inputs, dX = dY W. */
void gemm_nn(int64_t m, int64_t n, int64_t k, const float *A, int64_t lda, const float *B, int64_t ldb,
             float beta, float *C, int64_t ldc);
/* C[m,n] = A[k,m]^T B[k,n] + beta C: a gradient of weights, dW = dY^T X. The same bits as a call for every
 * `cut` terms of k, but threads meet once. */
void gemm_tn_cut(int64_t m, int64_t n, int64_t k, int64_t cut, const float *A, int64_t lda, const float *B,
                 int64_t ldb, float beta, float *C, int64_t ldc);

/* The parts that a product of that form falls into, of which a thread takes whole ones. */
int64_t gemm_pieces(int64_t m, int64_t n);

#endif
