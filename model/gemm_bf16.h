/* Owns: matrix products whose inputs are rounded to bf16 as they are packed, with fp32 sums: an own packed
 * kernel over vdpbf16ps. Its sums are cut in k at fixed places and nowhere else, so the bits depend neither
 * on the threads, nor on which other rows are in the call, nor (in whole BF16_DEPTHs) on how k is cut into
 * calls; a library's blocking promises none of these. Does not own: when bf16 is used (model/linear.c). */
#ifndef SINKLAB_GEMM_BF16_H
#define SINKLAB_GEMM_BF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BF16_DEPTH = 256 }; /* k that is summed in registers: 16 KB of B, half of a first-level cache */

bool gemm_bf16_supported(void);
/* FLOP/s of `threads` threads in a loop of independent bf16 dot products; 0 where there are none. */
double gemm_bf16_peak(int threads);

/* A factor as its product sees it: element (i, k) lies at i * row + k * col, and one of the two is 1. */
typedef struct Factor {
    const float *at;
    int64_t row, col;
} Factor;

/* Elements of room that a product packs its factors into. */
size_t gemm_bf16_room(int64_t m, int64_t n, int64_t k);
/* C[m,n] = sum_k A(m,k) B(n,k), added to C when `add`. */
void gemm_bf16(int64_t m, int64_t n, int64_t k, Factor A, Factor B, bool add, float *C, int64_t ldc,
               uint16_t *room);

#endif
