/* Owns: matrix products whose inputs are rounded to bf16 as they are packed, with fp32 sums: an own packed
 * kernel over vdpbf16ps. A sum runs over k in order, two at a time, from 0 or from what is in C; so the bits
 * depend neither on the threads, nor on which other rows are in the call, nor on how k is cut into calls at
 * even places; a library's blocking promises none of these. Does not own: when bf16 is used (model/linear.c),
 * which factors are packed once for many products (model/bf16_weights.h). */
#ifndef SINKLAB_GEMM_BF16_H
#define SINKLAB_GEMM_BF16_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool gemm_bf16_supported(void);
/* FLOP/s of `threads` threads in a loop of independent bf16 dot products; 0 where there are none. */
double gemm_bf16_peak(int threads);

/* A factor as its product sees it: element (i, k) lies at i * row + k * col, and one of the two is 1. */
typedef struct Factor {
    const float *at;
    int64_t row, col;
    const uint16_t *panels; /* of a right factor: packed before; then the rest is not looked at. NULL: not */
} Factor;

/* Elements of a right factor of n rows, packed, and its packing. */
size_t gemm_bf16_panels(int64_t n, int64_t k);
void gemm_bf16_pack(int64_t n, int64_t k, Factor B, uint16_t *panels);

/* C[m,n] = sum_k A(m,k) B(n,k), added to C when `add`. room: gemm_bf16_panels(n, k) elements for a right
 * factor that is not packed yet; the left one is packed a strip at a time, on the stack. */
void gemm_bf16(int64_t m, int64_t n, int64_t k, Factor A, Factor B, bool add, float *C, int64_t ldc,
               uint16_t *room);

/* The parts that a product of that form falls into, of which a thread takes whole ones. */
int64_t gemm_bf16_pieces(int64_t m, int64_t n);

#endif
