/* Owns: the machine's vector width and the few functions of vectors that ops share, in
 * GCC's vector extensions, so that one text serves AVX-512, AVX2, NEON and plain SSE.
 * The only header that asks which instructions there are. Does not own: any op (model/ops). */
#ifndef SINKLAB_VEC_H
#define SINKLAB_VEC_H

#include <stdint.h>

#if defined(__AVX512F__)
enum { VW = 16, MM_ROWS = 8 }; /* floats a vector; rows of the small product's register tile */
#elif defined(__AVX__)
enum { VW = 8, MM_ROWS = 4 };
#else
enum { VW = 4, MM_ROWS = 4 };
#endif

typedef float vf __attribute__((vector_size(VW * 4), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(VW * 4), aligned(4), may_alias));
typedef uint32_t vu __attribute__((vector_size(VW * 4), aligned(4), may_alias)); /* sums of it may wrap */

static inline vf vf_load(const float *p) {
    return *(const vf *)p;
}
static inline void vf_store(float *p, vf x) {
    *(vf *)p = x;
}
static inline vf vf_all(float x) {
    return x - (vf){0};
}

/* Lanes where mask is all ones take a, the others b. */
static inline vf vf_pick(vi mask, vf a, vf b) {
    return (vf)(((vi)a & mask) | ((vi)b & ~mask));
}
static inline vf vf_max(vf a, vf b) {
    return vf_pick(a > b, a, b);
}

static inline vi vi_lanes(void) {
    vi v;
    for (int i = 0; i < VW; i++) v[i] = i;
    return v;
}

/* x[i] lane j to x[j] lane i: halves of pairs change places, one distance after the other. */
static inline __attribute__((always_inline)) void vf_transpose(vf x[VW]) {
#pragma GCC unroll 4
    for (int apart = 1; apart < VW; apart *= 2) {
        vi lower = vi_lanes(), upper = lower + apart, swapped = (lower & apart) != 0;
        lower += swapped & (VW - apart);
        upper += swapped & (VW - apart);
#pragma GCC unroll 16
        for (int i = 0; i < VW; i++) {
            if (i & apart) continue;
            vf a = x[i], b = x[i + apart];
            x[i] = __builtin_shuffle(a, b, lower);
            x[i + apart] = __builtin_shuffle(a, b, upper);
        }
    }
}

/* Sums in a fixed tree, so that the bits do not depend on the compiler's mood. */
static inline float vf_sum(vf x) {
    float a[VW];
    vf_store(a, x);
    for (int n = VW / 2; n; n /= 2)
        for (int i = 0; i < n; i++) a[i] += a[i + n];
    return a[0];
}

static inline float vf_highest(vf x) {
    float m = x[0];
    for (int i = 1; i < VW; i++) m = x[i] > m ? x[i] : m;
    return m;
}

/* e^x to about 2 ulp: x = n ln 2 + r, |r| <= ln 2 / 2, a polynomial of degree 6 in r, n added to the
 * exponent. Below -87 it is 0, above 88 infinity; NaN stays NaN. */
static inline vf vf_exp(vf x) {
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    vi tiny = x < -87.0f, within = x <= 88.0f;
    vf n = x * 1.44269504f + magic;
    vu shift = (vu)n << 23;
    n -= magic;
    vf r = x - n * 0.693359375f;
    r -= n * -2.12194440e-4f;
    vf p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    vf e = (vf)((vu)p + shift);
    e = (vf)((vi)e & ~tiny);
    return vf_pick(within, e, x + __builtin_inff()); /* of NaN too, whatever its payload */
}

static inline vf vf_sigmoid(vf x) {
    return 1.0f / (1.0f + vf_exp(-x));
}

/* tanh to about 3 ulp; near 0 a series, since the difference of two sigmoids would lose its digits there. */
static inline vf vf_tanh(vf x) {
    vf s = x * x, series = x - x * s * (0.333333333f - s * (0.133333333f - s * 0.053968254f));
    vi near = (s < 0.04f);
    return vf_pick(near, series, 2.0f * vf_sigmoid(2.0f * x) - 1.0f);
}

/* Loads and stores of the first n floats of a vector, the rest zero / untouched. */
static inline vf vf_load_part(const float *p, int n) {
    if (n >= VW) return vf_load(p);
    vf x = {0};
    for (int i = 0; i < n; i++) x[i] = p[i];
    return x;
}
static inline void vf_store_part(float *p, vf x, int n) {
    if (n >= VW)
        vf_store(p, x);
    else
        for (int i = 0; i < n; i++) p[i] = x[i];
}

#endif
