/* Why not a library: oneDNN's bf16 matmul takes inputs that are bf16 already, so that every activation would be
 * converted in a pass of its own, here it is as it is packed; and it promises nothing about bits when the threads
 * or the rows in flight change, which every run here rests on. Where a CPU has AMX only a library reaches it. */
#include "model/gemm_bf16.h"

#include "model/vec_bf16.h"

#include <omp.h>
#include <string.h>

/* DEPTH: the k of a panel of B that stays in a first-level cache while A's go by. AHEAD: of the row that is
 * packed, the rows that are on their way. */
enum { LANES = 16, TASK_ROWS = 8 * BF16_ROWS, TASK_COLS = 4 * BF16_COLS, DEPTH = 256, AHEAD = 8 };

bool gemm_bf16_supported(void) {
    return bf16_supported();
}

double gemm_bf16_peak(int threads) {
    enum { TURNS = 100000, TRIES = 5 };
    if (!bf16_supported()) return 0;
    double best = 0, flops = 24.0 * 4 * LANES * TURNS * threads;
    float kept = 0;
    for (int i = 0; i < TRIES; i++) {
        double start = omp_get_wtime();
#pragma omp parallel num_threads(threads) reduction(+ : kept)
        kept += bf16_spin(TURNS);
        double rate = flops / (omp_get_wtime() - start);
        best = rate > best ? rate : best;
    }
    return kept == kept ? best : 0;
}

static int64_t round_up(int64_t n, int64_t to) {
    return (n + to - 1) / to * to;
}

size_t gemm_bf16_room(int64_t m, int64_t n, int64_t k) {
    return (size_t)(round_up(m, BF16_ROWS) * round_up(k, 2)) + gemm_bf16_panels(n, k);
}

size_t gemm_bf16_panels(int64_t n, int64_t k) {
    return (size_t)(round_up(n, BF16_COLS) * round_up(k, 2));
}

/* ---- packing: rows i .. of a factor as panels (k pairs, width, 2), zeros past its ends ---- */

/* Rows adjacent in memory: a pair of values of k of every panel of a group, then the next pair. Each lies a
 * whole row of the matrix further on, where no hardware looks for it. */
static void pack_columns(uint16_t *to, Factor f, int64_t i, int64_t rows, int width, int64_t k) {
    int64_t panel = width * round_up(k, 2);
    for (int64_t at = 0; at < k; at += 2) {
        const float *even = f.at + at * f.col, *odd = at + 1 < k ? even + f.col : NULL;
        for (int64_t r = i; r < rows; r += width)
            for (int lane = 0; lane < width; lane += LANES) {
                __builtin_prefetch(even + AHEAD * f.col + r + lane);
                __builtin_prefetch(even + (AHEAD + 1) * f.col + r + lane);
                bf16_pairs(to + (r - i) / width * panel + at * width + 2 * lane, even + r + lane,
                           odd ? odd + r + lane : NULL, (int)(rows - r - lane), width - lane);
            }
    }
}

/* k adjacent in memory: sixteen pairs of sixteen rows at a time. */
static void pack_rows(uint16_t *to, Factor f, int64_t i, int64_t rows, int width, int64_t k) {
    enum { SPAN = 2 * LANES };
    int64_t panel = width * round_up(k, 2);
    for (int64_t r = i; r < rows; r += width, to += panel)
        for (int64_t at = 0; at < k; at += SPAN)
            for (int lane = 0; lane < width; lane += LANES)
                bf16_turn(to + at * width + 2 * lane, width, f.at + (r + lane) * f.row + at, f.row,
                          (int)(rows - r - lane), width - lane, (int)(k - at));
}

static void pack(uint16_t *to, Factor f, int64_t i, int64_t rows, int width, int64_t k) {
    (f.col == 1 ? pack_rows : pack_columns)(to + i * round_up(k, 2), f, i, rows, width, k);
}

/* All rows of a factor, a group of panels a thread; inside a parallel region. */
static void share_packing(uint16_t *to, Factor f, int64_t rows, int width, int64_t group, int64_t k) {
#pragma omp for schedule(static) nowait
    for (int64_t i = 0; i < rows; i += group) pack(to, f, i, i + group < rows ? i + group : rows, width, k);
}

void gemm_bf16_pack(int64_t n, int64_t k, Factor B, uint16_t *panels) {
#pragma omp parallel
    share_packing(panels, B, n, BF16_COLS, TASK_COLS, k);
}

/* ---- the product ---- */

typedef struct Packed {
    int64_t m, n, k;       /* k rounded up to pairs */
    const uint16_t *A, *B; /* panels */
    bool add;
    float *C;
    int64_t ldc;
} Packed;

/* A register tile at an edge of C, through one of whole size. */
static void edge(const Packed *p, int64_t i, int64_t j, int64_t pairs, const uint16_t *A, const uint16_t *B,
                 bool add) {
    int64_t rows = p->m - i < BF16_ROWS ? p->m - i : BF16_ROWS,
            cols = p->n - j < BF16_COLS ? p->n - j : BF16_COLS;
    float whole[BF16_ROWS * BF16_COLS] = {0}, *C = p->C + i * p->ldc + j;
    size_t bytes = (size_t)cols * sizeof *C;
    for (int64_t r = 0; add && r < rows; r++) memcpy(whole + r * BF16_COLS, C + r * p->ldc, bytes);
    bf16_tile(whole, BF16_COLS, pairs, A, B, add);
    for (int64_t r = 0; r < rows; r++) memcpy(C + r * p->ldc, whole + r * BF16_COLS, bytes);
}

static void fetch(const float *C, int64_t ldc) {
    for (int r = 0; r < BF16_ROWS; r++)
        for (int c = 0; c < BF16_COLS; c += LANES) __builtin_prefetch(C + r * ldc + c, 1);
}

/* A block of C that stays in the second-level cache, a depth of k after the other. */
static void block(const Packed *p, int64_t i0, int64_t j0) {
    int64_t i1 = i0 + TASK_ROWS < p->m ? i0 + TASK_ROWS : p->m,
            j1 = j0 + TASK_COLS < p->n ? j0 + TASK_COLS : p->n;
    for (int64_t k = 0; k < p->k; k += DEPTH) {
        int64_t pairs = (p->k - k < DEPTH ? p->k - k : DEPTH) / 2;
        for (int64_t j = j0; j < j1; j += BF16_COLS)
            for (int64_t i = i0; i < i1; i += BF16_ROWS) {
                const uint16_t *A = p->A + i * p->k + k * BF16_ROWS, *B = p->B + j * p->k + k * BF16_COLS;
                bool add = p->add || k;
                if (i + 2 * BF16_ROWS <= i1 && add) fetch(p->C + (i + BF16_ROWS) * p->ldc + j, p->ldc);
                if (i + BF16_ROWS <= p->m && j + BF16_COLS <= p->n)
                    bf16_tile(p->C + i * p->ldc + j, p->ldc, pairs, A, B, add);
                else
                    edge(p, i, j, pairs, A, B, add);
            }
    }
}

void gemm_bf16(int64_t m, int64_t n, int64_t k, Factor A, Factor B, bool add, float *C, int64_t ldc,
               uint16_t *room) {
    int64_t pairs = round_up(k, 2);
    uint16_t *a = room, *b = room + round_up(m, BF16_ROWS) * pairs;
    Packed p = {m, n, pairs, a, B.panels ? B.panels : b, add, C, ldc};
#pragma omp parallel
    {
        share_packing(a, A, m, BF16_ROWS, TASK_ROWS, k);
        if (!B.panels) share_packing(b, B, n, BF16_COLS, TASK_COLS, k);
#pragma omp barrier
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t j = 0; j < n; j += TASK_COLS)
            for (int64_t i = 0; i < m; i += TASK_ROWS) block(&p, i, j);
    }
}

int64_t gemm_bf16_pieces(int64_t m, int64_t n) {
    return ((m + TASK_ROWS - 1) / TASK_ROWS) * ((n + TASK_COLS - 1) / TASK_COLS);
}
