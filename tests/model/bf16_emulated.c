#include "tests/model/bf16_emulated.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Panels as model/kernels/bf16_amx.c has them. */
enum { ROWS = 32, PAIRS = 16, BLOCK = ROWS * BF16_CUT };

static bool always(void) {
    return true;
}
static void nothing(void) {}

/* Denormals are zeros of their sign. */
static float flush(float x) {
    return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x;
}

static float from_bf16(uint16_t x) {
    uint32_t word = (uint32_t)x << 16;
    float y;
    memcpy(&y, &word, sizeof y);
    return flush(y);
}

/* To nearest, ties to even; a NaN stays one. */
static uint16_t to_bf16(float x) {
    uint32_t word;
    x = flush(x);
    memcpy(&word, &x, sizeof word);
    if (x != x) return (uint16_t)(word >> 16 | 0x40);
    return (uint16_t)((word + 0x7fff + (word >> 16 & 1)) >> 16);
}

static float multiply_add(float a, float b, float c) {
    return flush(fmaf(a, b, c));
}

/* One block of k of one element of C: even and odd terms apart. */
static float block_of(float c, const uint16_t *a, const uint16_t *b) {
    float sum[2] = {0};
    for (int pair = 0; pair < PAIRS; pair++, a += 2, b += 2 * BF16_COLS)
        for (int odd = 0; odd < 2; odd++)
            sum[odd] = multiply_add(from_bf16(a[odd]), from_bf16(b[odd]), sum[odd]);
    return flush(flush(c) + flush(sum[0] + sum[1]));
}

static void tile(float *C, int64_t ldc, int64_t terms, const uint16_t *A, const uint16_t *B,
                 Bf16Store store) {
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < BF16_COLS; j++) {
            float c = store == BF16_ADD ? C[i * ldc + j] : 0;
            for (int64_t k = 0; k < terms; k += BF16_CUT)
                c = block_of(c, A + k / BF16_CUT * BLOCK + i * BF16_CUT, B + k / BF16_CUT * BLOCK + 2 * j);
            C[i * ldc + j] = c;
        }
}

/* Where element (row, term) of a block lies. */
static int left_place(int row, int term) {
    return row * BF16_CUT + term;
}
static int right_place(int row, int term) {
    return term / 2 * 2 * BF16_COLS + 2 * row + term % 2;
}

static void pack(uint16_t *to, Factor f, int64_t i, int64_t rows, int64_t k, int64_t panel,
                 int (*place)(int, int)) {
    for (int64_t r = i; r < rows; r += ROWS, to += panel)
        for (int64_t at = 0; at < k; at += BF16_CUT)
            for (int row = 0; row < ROWS; row++)
                for (int t = 0; t < BF16_CUT; t++) {
                    bool there = r + row < rows && at + t < k;
                    float x = there ? f.at[(r + row) * f.row + (at + t) * f.col] : 0;
                    to[at / BF16_CUT * BLOCK + place(row, t)] = to_bf16(x);
                }
}

static void pack_left(uint16_t *to, Factor f, int64_t i, int64_t rows, int64_t k, int64_t panel) {
    pack(to, f, i, rows, k, panel, left_place);
}
static void pack_right(uint16_t *to, Factor f, int64_t i, int64_t rows, int64_t k, int64_t panel) {
    pack(to, f, i, rows, k, panel, right_place);
}

const Bf16Kernel bf16_emulated = {.name = "emulated",
                                  .rows = ROWS,
                                  .supported = always,
                                  .begin = nothing,
                                  .end = nothing,
                                  .pack_left = pack_left,
                                  .pack_right = pack_right,
                                  .tile = tile};
