/* Owns: one thread's fp32 product by an own packed AVX-512 kernel, for the shapes of this program: BLIS packs
 * both factors at every call and its tiles suit larger ones. Sums run as BLIS's skx kernels run them (over k
 * in order, cut where BLIS cuts it), so the bits are BLIS's (tests). Compiled for these instructions whatever
 * -march says. Does not own: threads, the choice (model/kernels/gemm.c). */
#ifndef SINKLAB_GEMM_PACKED_H
#define SINKLAB_GEMM_PACKED_H

#include <stdbool.h>
#include <stdint.h>

/* A factor as its product sees it: element (i, k) lies at i * row + k * col. */
typedef struct Operand {
    const float *at;
    int64_t row, col;
} Operand;

/* How far a sum runs before it is added to C: `usual` terms, or all that are left when they are at most
 * `most`. */
typedef struct Depth {
    int64_t usual, most;
} Depth;

enum {
    PACKED_MOST = 512, /* Depth.most is at most this */
    PACKED_ROWS = 4    /* the lowest tile: what a thread's rows should be a multiple of */
};

/* Whether this CPU has what the kernel needs. */
bool gemm_packed_supported(void);

/* C[m,n] = sum_k A(m,k) B(n,k), added to C when `add`. CpuFeatures some hundred kB of stack. */
void gemm_packed(int64_t m, int64_t n, int64_t k, Operand A, Operand B, Depth depth, bool add, float *C,
                 int64_t ldc);

#endif
