/* Owns: sixteen vectors of sixteen turned in registers, for what packs rows as columns
 * (model/kernels/gemm_packed.c, model/kernels/vec_bf16.h). CpuFeatures AVX-512. Does not own: the same for
 * any width of vectors (model/kernels/vec.h). */
#ifndef SINKLAB_TRANSPOSE_H
#define SINKLAB_TRANSPOSE_H

#include <immintrin.h>

/* x[r] lane p to x[p] lane r, of sixteen vectors of sixteen. */
__attribute__((target("avx512f"))) static inline __attribute__((always_inline)) void
transpose16(__m512i x[16]) {
    __m512i t[16], u[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4)
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            u[i + 2 * half] = _mm512_unpacklo_epi64(t[i + half], t[i + 2 + half]);
            u[i + 2 * half + 1] = _mm512_unpackhi_epi64(t[i + half], t[i + 2 + half]);
        }
#pragma GCC unroll 4
    for (int c = 0; c < 4; c++) {
        __m512i a = _mm512_shuffle_i32x4(u[c], u[4 + c], 0x88),
                b = _mm512_shuffle_i32x4(u[8 + c], u[12 + c], 0x88),
                d = _mm512_shuffle_i32x4(u[c], u[4 + c], 0xdd),
                e = _mm512_shuffle_i32x4(u[8 + c], u[12 + c], 0xdd);
        x[c] = _mm512_shuffle_i32x4(a, b, 0x88);
        x[8 + c] = _mm512_shuffle_i32x4(a, b, 0xdd);
        x[4 + c] = _mm512_shuffle_i32x4(d, e, 0x88);
        x[12 + c] = _mm512_shuffle_i32x4(d, e, 0xdd);
    }
}

#endif
