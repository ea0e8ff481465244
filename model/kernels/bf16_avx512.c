#include "model/kernels/bf16_kernel.h"

#if defined(__x86_64__)

#include "model/kernels/vec_bf16.h"

/* AHEAD: of the row that is packed, the rows that are on their way. SPINS: independent sums of the peak. */
enum { LANES = 16, AHEAD = 16, SPINS = 24 };

static void nothing(void) {}

/* ---- panels: (pairs of k, width, 2) ---- */

/* Rows adjacent in memory: a pair of values of k of every panel, then the next pair. Each lies a whole row of
 * the matrix further on, where no hardware looks for it. */
BF16_TARGET static inline __attribute__((always_inline)) void
pack_columns(uint16_t *to, Factor f, int64_t i, int64_t rows, int width, int64_t k, int64_t panel) {
    for (int64_t at = 0; at < (k + BF16_CUT - 1) / BF16_CUT * BF16_CUT; at += 2, to += 2 * width) {
        const float *even = f.at + at * f.col, *odd = even + f.col;
        uint16_t *pair = to;
        for (int64_t r = i; r < rows; r += width, pair += panel)
            for (int lane = 0; lane < width; lane += LANES) {
                __builtin_prefetch(even + AHEAD * f.col + r + lane);
                __builtin_prefetch(even + (AHEAD + 1) * f.col + r + lane);
                bf16_pairs(pair + 2 * lane, at < k ? even + r + lane : NULL,
                           at + 1 < k ? odd + r + lane : NULL, (int)(rows - r - lane), width - lane);
            }
    }
}

/* k adjacent in memory: sixteen pairs of sixteen rows at a time, while those of the next panel are on their
 * way. */
BF16_TARGET static inline __attribute__((always_inline)) void
pack_rows(uint16_t *to, Factor f, int64_t i, int64_t rows, int width, int64_t k, int64_t panel) {
    for (int64_t r = i; r < rows; r += width, to += panel)
        for (int64_t at = 0; at < k; at += BF16_CUT) {
            const float *from = f.at + r * f.row + at, *next = from + width * f.row;
            for (const float *row = next; row < next + width * f.row; row += f.row)
                for (int lane = 0; lane < BF16_CUT; lane += LANES) __builtin_prefetch(row + lane);
            for (int lane = 0; lane < width; lane += LANES)
                bf16_turn(to + at * width + 2 * lane, width, from + lane * f.row, f.row,
                          (int)(rows - r - lane), width - lane, (int)(k - at));
        }
}

BF16_TARGET static inline __attribute__((always_inline)) void
pack(uint16_t *to, Factor f, int64_t i, int64_t rows, int width, int64_t k, int64_t panel) {
    if (f.col == 1)
        pack_rows(to, f, i, rows, width, k, panel);
    else
        pack_columns(to, f, i, rows, width, k, panel);
}
BF16_TARGET static void pack_left(uint16_t *to, Factor f, int64_t i, int64_t rows, int64_t k, int64_t panel) {
    pack(to, f, i, rows, BF16_ROWS, k, panel);
}
BF16_TARGET void bf16_pack_pairs(uint16_t *to, Factor f, int64_t i, int64_t rows, int64_t k, int64_t panel) {
    pack(to, f, i, rows, BF16_COLS, k, panel);
}

BF16_TARGET static void tile(float *C, int64_t ldc, int64_t terms, const uint16_t *A, const uint16_t *B,
                             Bf16Store store) {
    bf16_tile(BF16_ROWS, C, ldc, BF16_COLS, (terms + 1) / 2, (const uint32_t *)A, 1, BF16_ROWS, B, store);
}

/* ---- the small product ---- */

/* WORDS: pairs of A that are packed at a time, and DEEP: the k of a panel of B; both stay in a first-level
 * cache. */
enum { ROWS = 8, LOW = 4, DEEP = 256, WORDS = 4096 };

static int least(int a, int b) {
    return a < b ? a : b;
}

/* A(m, k) as pairs of k, the word of pair p of row m at m * row + p * col. */
typedef struct Left {
    _Alignas(64) uint32_t words[WORDS + LANES];
    int64_t row, col;
} Left;

BF16_TARGET static void pack_words(Left *a, const float *A, int64_t row, int64_t col, int M, int K) {
    int pairs = (K + 1) / 2;
    bool by_rows = col == 1;
    a->row = by_rows ? pairs : 1;
    a->col = by_rows ? 1 : M;
    for (int m = 0; by_rows && m < M; m++)
        for (int k = 0; k < K; k += 2 * LANES)
            bf16_row((uint16_t *)(a->words + m * pairs + k / 2), A + m * row + k, K - k, (K - k + 1) / 2);
    for (int k = 0; !by_rows && k < K; k += 2)
        for (int m = 0; m < M; m += LANES)
            bf16_pairs((uint16_t *)(a->words + k / 2 * M + m), A + k * col + m,
                       k + 1 < K ? A + (k + 1) * col + m : NULL, M - m, M - m);
}

BF16_TARGET static void pack_panel(uint16_t *to, const float *B, int ldb, int N, int K) {
    for (int k = 0; k < K; k += 2, B += 2 * ldb)
        for (int lane = 0; lane < BF16_COLS; lane += LANES, to += 2 * LANES)
            bf16_pairs(to, B + lane, k + 1 < K ? B + ldb + lane : NULL, N - lane, LANES);
}

BF16_TARGET static void tiles(float *C, int ldc, int M, int N, int pairs, const Left *a, const uint16_t *B,
                              Bf16Store store) {
    int m = 0;
    for (; m + ROWS <= M; m += ROWS)
        bf16_tile(ROWS, C + (int64_t)m * ldc, ldc, N, pairs, a->words + m * a->row, a->row, a->col, B, store);
    for (; m < M; m += LOW)
        bf16_tile(LOW, C + (int64_t)m * ldc, ldc, N, pairs, a->words + m * a->row, a->row, a->col, B, store);
}

static void mm(float *C, int ldc, int M, int N, int K, const float *A, int64_t row, int64_t col,
               const float *B, int ldb, bool add) {
    Left a;
    _Alignas(64) uint16_t panel[DEEP * BF16_COLS];
    for (int k = 0; k < K; k += DEEP) {
        int terms = least(DEEP, K - k), pairs = (terms + 1) / 2, high = WORDS / pairs / ROWS * ROWS;
        for (int m = 0; m < M; m += high) {
            int rows = least(high, M - m);
            pack_words(&a, A + m * row + k * col, row, col, rows, terms);
            for (int n = 0; n < N; n += BF16_COLS) {
                pack_panel(panel, B + (int64_t)k * ldb + n, ldb, N - n, terms);
                tiles(C + (int64_t)m * ldc + n, ldc, rows, N - n, pairs, &a, panel,
                      add || k ? BF16_ADD : BF16_SET);
            }
        }
    }
}

/* A turn is SPINS independent dot products of 16 pairs. */
BF16_TARGET static float spin(int64_t turns) {
    __m512 c[SPINS];
    __m512bh a = (__m512bh)_mm512_set1_epi32(0x3f7f3f7f);
    for (int i = 0; i < SPINS; i++) c[i] = _mm512_set1_ps((float)i);
    for (int64_t t = 0; t < turns; t++)
#pragma GCC unroll 24
        for (int i = 0; i < SPINS; i++) c[i] = _mm512_dpbf16_ps(c[i], a, a);
    for (int i = 1; i < SPINS; i++) c[0] += c[i];
    return _mm512_reduce_add_ps(c[0]);
}

const Bf16Kernel bf16_avx512 = {.name = "avx512_bf16",
                                .rows = BF16_ROWS,
                                .streams = true,
                                .spin_flops = SPINS * 4.0 * LANES,
                                .supported = bf16_supported,
                                .begin = nothing,
                                .end = nothing,
                                .pack_left = pack_left,
                                .pack_right = bf16_pack_pairs,
                                .tile = tile,
                                .mm = mm,
                                .spin = spin};

#else

static bool never(void) {
    return false;
}

const Bf16Kernel bf16_avx512 = {.name = "avx512_bf16", .rows = 12, .supported = never};

#endif
