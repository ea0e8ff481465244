/* Owns: the few functions that need a CPU's own bf16 instructions: rounding into panels, the register tile of
 * the product, and the question whether they are there. Compiled for those instructions whatever -march
 * says, and only called after bf16_supported. Owns no loop over matrices (model/kernels/gemm_bf16.c). */
#ifndef SINKLAB_VEC_BF16_H
#define SINKLAB_VEC_BF16_H

#include <stdbool.h>
#include <stdint.h>

/* Rows and columns of C in registers: 24 accumulators, 2 vectors of B, 1 pair of A. */
enum { BF16_ROWS = 12, BF16_COLS = 32 };

#if defined(__x86_64__)

#include "model/kernels/transpose.h"

#include <immintrin.h>

#define BF16_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

static inline bool bf16_supported(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bf16");
}

BF16_TARGET static inline __attribute__((always_inline)) __mmask16 bf16_lanes(int n) {
    return (__mmask16)(n >= 16 ? 0xffff : n <= 0 ? 0 : (1 << n) - 1);
}

/* to[i][0 .. 1] = the two rows' i-th elements, rounded to nearest even: `keep` <= 16 of them, of which
 * `there` are read and the others zero. odd NULL: a row of zeros. */
BF16_TARGET static inline __attribute__((always_inline)) void
bf16_pairs(uint16_t *to, const float *even, const float *odd, int there, int keep) {
    const __m512i zip = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
                                         22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __mmask16 read = bf16_lanes(there);
    __m512 e = _mm512_maskz_loadu_ps(read, even),
           o = odd ? _mm512_maskz_loadu_ps(read, odd) : _mm512_setzero_ps();
    __m512i x = _mm512_permutexvar_epi16(zip, (__m512i)_mm512_cvtne2ps_pbh(o, e));
    _mm512_mask_storeu_epi32(to, bf16_lanes(keep), x);
}

/* to[p][r] = the p-th pair of row r, p < (floats + 1) / 2 <= 16, r < keep <= 16, in rows of `width` pairs:
 * rows of ld floats, of which `there` are read and the others zero. */
BF16_TARGET static inline __attribute__((always_inline)) void
bf16_turn(uint16_t *to, int width, const float *from, int64_t ld, int there, int keep, int floats) {
    __mmask16 low = bf16_lanes(floats), high = bf16_lanes(floats - 16), kept = bf16_lanes(keep);
    __m512i x[16];
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++) {
        const float *row = from + r * ld;
        x[r] = r < there && r < keep ? (__m512i)_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(high, row + 16),
                                                                    _mm512_maskz_loadu_ps(low, row))
                                     : _mm512_setzero_si512();
    }
    transpose16(x);
#pragma GCC unroll 16
    for (int p = 0; p < 16; p++)
        if (2 * p < floats) _mm512_mask_storeu_epi32(to + (int64_t)2 * p * width, kept, x[p]);
}

/* to[p] = the p-th pair of a row of `floats`, zero past its end, p < 16. */
BF16_TARGET static inline void bf16_row(uint16_t *to, const float *from, int floats) {
    __m512bh x = _mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(bf16_lanes(floats - 16), from + 16),
                                     _mm512_maskz_loadu_ps(bf16_lanes(floats), from));
    _mm512_mask_storeu_epi32(to, bf16_lanes((floats + 1) / 2), (__m512i)x);
}

/* What a tile does with C: replaces it; adds to it; or replaces it past all caches, which spares reading what
 * is overwritten: whole tiles at multiples of a cache line, and a fence before another thread looks. */
typedef enum Bf16Store { BF16_SET, BF16_ADD, BF16_STREAM } Bf16Store;

/* C (rows, cols), in rows of ldc, = (C or 0) + sum over `pairs`, in order, of A times B (pairs, BF16_COLS,
 * 2): pair p of row i is the 32-bit word A[i * row + p * col]. rows <= BF16_ROWS is a literal; cols <=
 * BF16_COLS. */
BF16_TARGET static inline __attribute__((always_inline)) void
bf16_tile(const int rows, float *C, int64_t ldc, int cols, int64_t pairs, const uint32_t *A, int64_t row,
          int64_t col, const uint16_t *B, Bf16Store store) {
    __mmask16 left = bf16_lanes(cols), right = bf16_lanes(cols - 16);
    __m512 c[BF16_ROWS][2];
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++) {
        c[i][0] = store == BF16_ADD ? _mm512_maskz_loadu_ps(left, C + i * ldc) : _mm512_setzero_ps();
        c[i][1] = store == BF16_ADD ? _mm512_maskz_loadu_ps(right, C + i * ldc + 16) : _mm512_setzero_ps();
    }
    for (int64_t p = 0; p < pairs; p++, A += col, B += 2 * BF16_COLS) {
        __m512bh b0 = (__m512bh)_mm512_loadu_si512(B), b1 = (__m512bh)_mm512_loadu_si512(B + BF16_COLS);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            __m512bh a = (__m512bh)_mm512_set1_epi32((int)A[i * row]);
            c[i][0] = _mm512_dpbf16_ps(c[i][0], a, b0);
            c[i][1] = _mm512_dpbf16_ps(c[i][1], a, b1);
        }
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++, C += ldc) {
        if (store == BF16_STREAM) {
            _mm512_stream_ps(C, c[i][0]);
            _mm512_stream_ps(C + 16, c[i][1]);
        } else {
            _mm512_mask_storeu_ps(C, left, c[i][0]);
            _mm512_mask_storeu_ps(C + 16, right, c[i][1]);
        }
    }
}

/* Multiply-adds of one thread: `turns` times 24 independent dot products of 16 pairs. */
BF16_TARGET static inline float bf16_spin(int64_t turns) {
    __m512 c[24];
    __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f7f3f7f);
    for (int i = 0; i < 24; i++) c[i] = _mm512_set1_ps((float)i);
    for (int64_t t = 0; t < turns; t++)
#pragma GCC unroll 24
        for (int i = 0; i < 24; i++) c[i] = _mm512_dpbf16_ps(c[i], a, a);
    for (int i = 1; i < 24; i++) c[0] += c[i];
    return _mm512_reduce_add_ps(c[0]);
}

#else

#define BF16_TARGET

static inline bool bf16_supported(void) {
    return false;
}
static inline void bf16_pairs(uint16_t *to, const float *even, const float *odd, int there, int keep) {
    (void)to, (void)even, (void)odd, (void)there, (void)keep;
}
static inline void bf16_turn(uint16_t *to, int width, const float *from, int64_t ld, int there, int keep,
                             int floats) {
    (void)to, (void)width, (void)from, (void)ld, (void)there, (void)keep, (void)floats;
}
static inline void bf16_row(uint16_t *to, const float *from, int floats) {
    (void)to, (void)from, (void)floats;
}
static inline void bf16_tile(int rows, float *C, int64_t ldc, int cols, int64_t pairs, const uint32_t *A,
                             int64_t row, int64_t col, const uint16_t *B, Bf16Store store) {
    (void)rows, (void)C, (void)ldc, (void)cols, (void)pairs, (void)A, (void)row, (void)col, (void)B,
        (void)store;
}
static inline float bf16_spin(int64_t turns) {
    return (float)turns;
}

#endif
#endif
