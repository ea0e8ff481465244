/* Owns: matrix products whose inputs are rounded to bf16 as they are packed, with fp32 sums: an own packed
 * product over the best kernel that the CPU has (model/kernels/bf16_kernel.h). A sum runs over k in an order
 * that only the kernel sets, from 0 or from what is in C; so the bits depend neither on the threads, nor on
 * which other rows are in the call, nor on how k is cut into calls at multiples of BF16_CUT; a library's
 * blocking promises none of these. Does not own: when bf16 is used (model/linear.c), which factors are packed
 * once for many products (model/bf16_weights.h). */
#ifndef SINKLAB_GEMM_BF16_H
#define SINKLAB_GEMM_BF16_H

#include "model/kernels/bf16_kernel.h"

#include <stddef.h>

bool gemm_bf16_supported(void);
/* The kernel on which the bits of a run in bf16 hang: avx512_bf16 or amx. */
const char *gemm_bf16_name(void);
/* FLOP/s of `threads` threads in a loop of the kernel's independent products; 0 where there are none. */
double gemm_bf16_peak(int threads);

/* Elements of a right factor of n rows, packed. */
size_t gemm_bf16_panels(int64_t n, int64_t k);
/* Packs a right factor. Every thread of a parallel region calls it, takes a share and goes on without waiting
 * for the others. */
void gemm_bf16_pack(int64_t n, int64_t k, Factor B, uint16_t *panels);

/* C[m,n] = sum_k A(m,k) B(n,k), added to C when `add`. room: gemm_bf16_panels(n, k) elements for a right
 * factor that is not packed yet; the left one is packed a strip at a time, on the stack. */
void gemm_bf16(int64_t m, int64_t n, int64_t k, Factor A, Factor B, bool add, float *C, int64_t ldc,
               uint16_t *room);
/* The same product by a kernel that the caller names. */
void gemm_bf16_by(const Bf16Kernel *kernel, int64_t m, int64_t n, int64_t k, Factor A, Factor B, bool add,
                  float *C, int64_t ldc, uint16_t *room);

/* C (rows, cols), in rows of ldc, at an edge: as kernel->tile, of which rows and cols past a tile are left
 * out. */
void bf16_edge(const Bf16Kernel *kernel, float *C, int64_t ldc, int64_t rows, int64_t cols, int64_t terms,
               const uint16_t *A, const uint16_t *B, bool add);

/* The parts that a product of that form falls into, of which a thread takes whole ones. */
int64_t gemm_bf16_pieces(int64_t m, int64_t n);

#endif
