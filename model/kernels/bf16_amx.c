/* AMX: eight tiles of 16 rows of 64 bytes a thread. A tile of C here is 2 x 2 of them, so that a term's two
 * tiles of A and two of B serve four products; both factors lie in panels of 32 rows, in blocks of 32 terms
 * of k: (block, row, 32) the left one, (block, pair, row, 2) the right one.
 *
 * tdpbf16ps adds to c the sum of two sums over a block, of its even and of its odd terms, each from 0 in
 * order with one rounding a term; denormals in and out are zero. */
#include "model/kernels/bf16_kernel.h"

enum { ROWS = 32, LANES = 16, BLOCK = ROWS * BF16_CUT };

#if defined(__x86_64__)

#include "model/kernels/vec_bf16.h"

#include <sys/syscall.h>
#include <unistd.h>

static bool supported(void) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    return bf16_supported() && __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
           !syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
}

/* ldtilecfg's 64 bytes: palette 1, all eight tiles whole. */
static void begin(void) {
    struct {
        uint8_t palette, start, none[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    _Static_assert(sizeof config == 64, "ldtilecfg");
    for (int i = 0; i < 8; i++) {
        config.row_bytes[i] = 64;
        config.rows[i] = 16;
    }
    __asm__ volatile("ldtilecfg %0" ::"m"(config));
}

static void end(void) {
    __asm__ volatile("tilerelease" ::: "memory");
}

#define LOAD(tile, at, bytes)                                                                                \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile ::"r"(at), "r"((int64_t)(bytes)) : "memory")
#define STORE(tile, at, bytes)                                                                               \
    __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" ::"r"(at), "r"((int64_t)(bytes)) : "memory")
#define ZERO(tile)            __asm__ volatile("tilezero %%tmm" #tile ::)
#define MULTIPLY_ADD(c, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #c ::)

/* tmm0 .. tmm3 are C, tmm4 and tmm5 A, tmm6 and tmm7 B. */
static void tile(float *C, int64_t ldc, int64_t terms, const uint16_t *A, const uint16_t *B,
                 Bf16Store store) {
    enum { A_BYTES = 2 * BF16_CUT, B_BYTES = 4 * BF16_COLS };
    float *low = C + 16 * ldc;
    int64_t bytes = ldc * (int64_t)sizeof *C;
    if (store == BF16_ADD) {
        LOAD(0, C, bytes);
        LOAD(1, C + 16, bytes);
        LOAD(2, low, bytes);
        LOAD(3, low + 16, bytes);
    } else {
        ZERO(0);
        ZERO(1);
        ZERO(2);
        ZERO(3);
    }
    for (int64_t k = 0; k < terms; k += BF16_CUT, A += BLOCK, B += BLOCK) {
        LOAD(4, A, A_BYTES);
        LOAD(6, B, B_BYTES);
        MULTIPLY_ADD(0, 4, 6);
        LOAD(7, B + 32, B_BYTES);
        MULTIPLY_ADD(1, 4, 7);
        LOAD(5, A + BLOCK / 2, A_BYTES);
        MULTIPLY_ADD(2, 5, 6);
        MULTIPLY_ADD(3, 5, 7);
    }
    STORE(0, C, bytes);
    STORE(1, C + 16, bytes);
    STORE(2, low, bytes);
    STORE(3, low + 16, bytes);
}

/* k adjacent in memory: a block of a row is a store. */
BF16_TARGET static void pack_rows(uint16_t *to, Factor f, int64_t i, int64_t rows, int64_t k, int64_t panel) {
    for (int64_t r = i; r < rows; r += ROWS, to += panel)
        for (int row = 0; row < ROWS; row++) {
            const float *from = f.at + (r + row) * f.row;
            for (int64_t at = 0; at < k; at += BF16_CUT)
                bf16_row(to + at * ROWS + row * BF16_CUT, from + at, r + row < rows ? (int)(k - at) : 0,
                         LANES);
        }
}

/* Rows adjacent in memory: sixteen pairs of terms of sixteen rows are turned. A term is a whole row of the
 * matrix further on, where no hardware looks for it. */
BF16_TARGET static void pack_columns(uint16_t *to, Factor f, int64_t i, int64_t rows, int64_t k,
                                     int64_t panel) {
    for (int64_t at = 0; at < k; at += BF16_CUT, to += BLOCK) {
        const float *from = f.at + at * f.col;
        uint16_t *block = to;
        for (int64_t r = i; r < rows; r += ROWS, block += panel)
            for (int row = 0; row < ROWS; row += LANES) {
                for (int t = 0; t < BF16_CUT; t++)
                    __builtin_prefetch(from + (BF16_CUT + t) * f.col + r + row);
                bf16_turn_terms(block + row * BF16_CUT, from + r + row, f.col, (int)(rows - r - row),
                                (int)(k - at));
            }
    }
}

static void pack_left(uint16_t *to, Factor f, int64_t i, int64_t rows, int64_t k, int64_t panel) {
    (f.col == 1 ? pack_rows : pack_columns)(to, f, i, rows, k, panel);
}

/* A turn is four products of tiles. */
static float spin(int64_t turns) {
    begin();
    for (int64_t i = 0; i < turns; i++) {
        MULTIPLY_ADD(0, 4, 6);
        MULTIPLY_ADD(1, 4, 7);
        MULTIPLY_ADD(2, 5, 6);
        MULTIPLY_ADD(3, 5, 7);
    }
    end();
    return (float)turns;
}

const Bf16Kernel bf16_amx = {.name = "amx",
                             .rows = ROWS,
                             .spin_flops = 4 * 2.0 * 16 * 16 * 32,
                             .supported = supported,
                             .begin = begin,
                             .end = end,
                             .pack_left = pack_left,
                             .pack_right = bf16_pack_pairs,
                             .tile = tile,
                             .spin = spin};

#else

static bool never(void) {
    return false;
}

const Bf16Kernel bf16_amx = {.name = "amx", .rows = ROWS, .supported = never};

#endif
