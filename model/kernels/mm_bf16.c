#include "model/kernels/mm_bf16.h"

#include "model/kernels/vec_bf16.h"

/* WORDS: pairs of A that are packed at a time, and DEPTH: the k of a panel of B; both stay in a first-level
 * cache. */
enum { LANES = 16, ROWS = 8, LOW = 4, DEPTH = 256, WORDS = 4096 };

static int least(int a, int b) {
    return a < b ? a : b;
}

/* A(m, k) as pairs of k, the word of pair p of row m at m * row + p * col. */
typedef struct Left {
    _Alignas(64) uint32_t words[WORDS + LANES];
    int64_t row, col;
} Left;

BF16_TARGET static void pack_left(Left *a, const float *A, int64_t row, int64_t col, int M, int K) {
    int pairs = (K + 1) / 2;
    bool by_rows = col == 1;
    a->row = by_rows ? pairs : 1;
    a->col = by_rows ? 1 : M;
    for (int m = 0; by_rows && m < M; m++)
        for (int k = 0; k < K; k += 2 * LANES)
            bf16_row((uint16_t *)(a->words + m * pairs + k / 2), A + m * row + k, K - k);
    for (int k = 0; !by_rows && k < K; k += 2)
        for (int m = 0; m < M; m += LANES)
            bf16_pairs((uint16_t *)(a->words + k / 2 * M + m), A + k * col + m,
                       k + 1 < K ? A + (k + 1) * col + m : NULL, M - m, M - m);
}

BF16_TARGET static void pack_right(uint16_t *to, const float *B, int ldb, int N, int K) {
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

void mm_bf16(float *C, int ldc, int M, int N, int K, const float *A, int64_t row, int64_t col, const float *B,
             int ldb, bool add) {
    Left a;
    _Alignas(64) uint16_t panel[DEPTH * BF16_COLS];
    for (int k = 0; k < K; k += DEPTH) {
        int terms = least(DEPTH, K - k), pairs = (terms + 1) / 2, high = WORDS / pairs / ROWS * ROWS;
        for (int m = 0; m < M; m += high) {
            int rows = least(high, M - m);
            pack_left(&a, A + m * row + k * col, row, col, rows, terms);
            for (int n = 0; n < N; n += BF16_COLS) {
                pack_right(panel, B + (int64_t)k * ldb + n, ldb, N - n, terms);
                tiles(C + (int64_t)m * ldc + n, ldc, rows, N - n, pairs, &a, panel,
                      add || k ? BF16_ADD : BF16_SET);
            }
        }
    }
}
