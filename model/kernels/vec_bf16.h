/* Owns: the few functions that need a CPU's own bf16 instructions (AVX-512): rounding into panels,
 * vdpbf16ps's register tile, and the question whether they are there. Compiled for those instructions
 * whatever -march says, and only called after bf16_supported. Does not own: loops over matrices
 * (model/kernels/bf16_avx512.c, model/kernels/bf16_amx.c). x86-64 alone. */
#ifndef SINKLAB_VEC_BF16_H
#define SINKLAB_VEC_BF16_H

#include "model/kernels/bf16_kernel.h"
#include "model/kernels/transpose.h"

/* Rows of C in registers: 24 accumulators, 2 vectors of B, 1 pair of A. */
enum { BF16_ROWS = 12 };

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

/* The i-th elements of two rows, rounded to nearest even, side by side: `there` are read, the others zero.
 * odd NULL: a row of zeros. */
BF16_TARGET static inline __attribute__((always_inline)) __m512i bf16_zip(const float *even, const float *odd,
                                                                          int there) {
    const __m512i zip = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7,
                                         22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    __mmask16 read = bf16_lanes(there);
    __m512 e = even ? _mm512_maskz_loadu_ps(read, even) : _mm512_setzero_ps(),
           o = odd ? _mm512_maskz_loadu_ps(read, odd) : _mm512_setzero_ps();
    return _mm512_permutexvar_epi16(zip, (__m512i)_mm512_cvtne2ps_pbh(o, e));
}

/* `floats` of a row, rounded, zeros after them. */
BF16_TARGET static inline __attribute__((always_inline)) __m512i bf16_round(const float *from, int floats) {
    return (__m512i)_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(bf16_lanes(floats - 16), from + 16),
                                        _mm512_maskz_loadu_ps(bf16_lanes(floats), from));
}

/* ---- stores of packed vectors; where all of one is read and kept, without masks ---- */

/* to[i][0 .. 1] = the two rows' i-th elements: `keep` <= 16 of them. */
BF16_TARGET static inline __attribute__((always_inline)) void
bf16_pairs(uint16_t *to, const float *even, const float *odd, int there, int keep) {
    if (even && odd && there >= 16 && keep >= 16)
        _mm512_storeu_si512(to, bf16_zip(even, odd, 16));
    else
        _mm512_mask_storeu_epi32(to, bf16_lanes(keep), bf16_zip(even, odd, there));
}

/* to[p] = the p-th pair of a row of `floats`, zero past its end, p < keep <= 16. */
BF16_TARGET static inline __attribute__((always_inline)) void bf16_row(uint16_t *to, const float *from,
                                                                       int floats, int keep) {
    if (floats >= 32 && keep >= 16)
        _mm512_storeu_si512(to, bf16_round(from, 32));
    else
        _mm512_mask_storeu_epi32(to, bf16_lanes(keep), bf16_round(from, floats));
}

/* to[p][r] = the p-th pair of row r, r < keep <= 16, in rows of `width` pairs: rows of ld floats, of which
 * `there` are read and the others zero. */
BF16_TARGET static inline __attribute__((always_inline)) void
bf16_turn(uint16_t *to, int width, const float *from, int64_t ld, int there, int keep, int floats) {
    bool whole = there >= 16 && floats >= 32;
    __m512i x[16];
#pragma GCC unroll 16
    for (int r = 0; whole && r < 16; r++) x[r] = bf16_round(from + r * ld, 32);
#pragma GCC unroll 16
    for (int r = 0; !whole && r < 16; r++)
        x[r] = r < there ? bf16_round(from + r * ld, floats) : _mm512_setzero_si512();
    transpose16(x);
#pragma GCC unroll 16
    for (int p = 0; p < 16; p++)
        _mm512_mask_storeu_epi32(to + (int64_t)2 * p * width, bf16_lanes(keep), x[p]);
}

/* The other way: to[r][t] = term t of row r, r < 16, t < 32: terms that are ld floats apart, of which `terms`
 * are read, `there` rows of each, and the others zero. */
BF16_TARGET static inline __attribute__((always_inline)) void
bf16_turn_terms(uint16_t *to, const float *from, int64_t ld, int there, int terms) {
    bool whole = there >= 16 && terms >= 32;
    __m512i x[16];
#pragma GCC unroll 16
    for (int p = 0; whole && p < 16; p++) x[p] = bf16_zip(from + 2 * p * ld, from + (2 * p + 1) * ld, 16);
#pragma GCC unroll 16
    for (int p = 0; !whole && p < 16; p++)
        x[p] = bf16_zip(2 * p < terms ? from + 2 * p * ld : NULL,
                        2 * p + 1 < terms ? from + (2 * p + 1) * ld : NULL, there);
    transpose16(x);
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++) _mm512_storeu_si512(to + 32 * r, x[r]);
}

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

#endif
