/* Why not a library: oneDNN's bf16 matmul takes inputs that are bf16 already, so that every activation would
 * be converted in a pass of its own, here it is as it is packed; and it promises nothing about bits when the
 * threads or the rows in flight change, which every run here rests on. Where a CPU has AMX only a library
 * reaches it. */
#include "model/kernels/gemm_bf16.h"

#include "model/kernels/vec_bf16.h"

#include <omp.h>
#include <stdatomic.h>
#include <string.h>

/* DEPTH: the k of a panel of B that stays in a first-level cache while A's go by; TASK_ROWS of A so deep stay
 * in a second-level one, each panel APART elements past the former's end: else all of them would begin on the
 * same lines of the first-level one. GROUP: panels that a thread packs side by side. AHEAD: of the row that
 * is packed, the rows that are on their way. FAR: floats of C a thread that no cache keeps until they are
 * read.
 */
enum {
    LANES = 16,
    TASK_ROWS = 16 * BF16_ROWS,
    DEPTH = 512,
    APART = 32,
    GROUP = 4,
    AHEAD = 16,
    FAR = 1 << 19
};

bool gemm_bf16_supported(void) {
    return bf16_supported();
}

double gemm_bf16_peak(int threads) {
    enum { TURNS = 100000, TRIES = 40 };
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

size_t gemm_bf16_panels(int64_t n, int64_t k) {
    return (size_t)(round_up(n, BF16_COLS) * round_up(k, 2));
}

/* ---- packing: rows i .. of a factor as panels (k pairs, width, 2), `panel` elements from one to the next,
 * zeros past the factor's ends ---- */

/* Rows adjacent in memory: a pair of values of k of every panel, then the next pair. Each lies a whole row of
 * the matrix further on, where no hardware looks for it. */
BF16_TARGET static inline __attribute__((always_inline)) void
pack_columns(uint16_t *to, Factor f, int64_t i, int64_t rows, int width, int64_t k, int64_t panel) {
    for (int64_t at = 0; at < k; at += 2, to += 2 * width) {
        const float *even = f.at + at * f.col, *odd = at + 1 < k ? even + f.col : NULL;
        uint16_t *pair = to;
        for (int64_t r = i; r < rows; r += width, pair += panel)
            for (int lane = 0; lane < width; lane += LANES) {
                __builtin_prefetch(even + AHEAD * f.col + r + lane);
                __builtin_prefetch(even + (AHEAD + 1) * f.col + r + lane);
                bf16_pairs(pair + 2 * lane, even + r + lane, odd ? odd + r + lane : NULL,
                           (int)(rows - r - lane), width - lane);
            }
    }
}

/* k adjacent in memory: sixteen pairs of sixteen rows at a time, while those of the next panel are on their
 * way. */
BF16_TARGET static inline __attribute__((always_inline)) void
pack_rows(uint16_t *to, Factor f, int64_t i, int64_t rows, int width, int64_t k, int64_t panel) {
    enum { SPAN = 2 * LANES };
    for (int64_t r = i; r < rows; r += width, to += panel)
        for (int64_t at = 0; at < k; at += SPAN) {
            const float *from = f.at + r * f.row + at, *next = from + width * f.row;
            for (const float *row = next; row < next + width * f.row; row += f.row)
                for (int lane = 0; lane < SPAN; lane += LANES) __builtin_prefetch(row + lane);
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
BF16_TARGET static void pack_right(uint16_t *to, Factor f, int64_t i, int64_t rows, int64_t k,
                                   int64_t panel) {
    pack(to, f, i, rows, BF16_COLS, k, panel);
}

/* All rows of B, a group of panels a thread; inside a parallel region. */
static void share_packing(uint16_t *to, Factor B, int64_t rows, int64_t k) {
    enum { ROWS = GROUP * BF16_COLS };
#pragma omp for schedule(static)
    for (int64_t i = 0; i < rows; i += ROWS)
        pack_right(to + i * round_up(k, 2), B, i, i + ROWS < rows ? i + ROWS : rows, k,
                   BF16_COLS * round_up(k, 2));
}

void gemm_bf16_pack(int64_t n, int64_t k, Factor B, uint16_t *panels) {
#pragma omp parallel
    share_packing(panels, B, n, k);
}

/* ---- the product ---- */

typedef struct Product {
    int64_t m, n, k;
    Factor A;
    const uint16_t *B; /* panels */
    Bf16Store first;   /* of the first DEPTH of k; the others add */
    float *C;
    int64_t ldc;
} Product;

static Bf16Store first_store(int64_t m, int64_t n, int64_t k, bool add, const float *C, int64_t ldc,
                             int threads) {
    if (add) return BF16_ADD;
    bool lines = (uintptr_t)C % (LANES * sizeof *C) == 0 && ldc % LANES == 0;
    return lines && k <= DEPTH && m * n > (int64_t)FAR * threads ? BF16_STREAM : BF16_SET;
}

BF16_TARGET static void whole_tile(float *C, int64_t ldc, int64_t pairs, const uint16_t *A, const uint16_t *B,
                                   Bf16Store store) {
    bf16_tile(BF16_ROWS, C, ldc, BF16_COLS, pairs, (const uint32_t *)A, 1, BF16_ROWS, B, store);
}

/* A register tile at an edge of C, through one of whole size. */
static void edge(const Product *p, int64_t i, int64_t j, int64_t pairs, const uint16_t *A, const uint16_t *B,
                 bool add) {
    int64_t rows = p->m - i < BF16_ROWS ? p->m - i : BF16_ROWS,
            cols = p->n - j < BF16_COLS ? p->n - j : BF16_COLS;
    float whole[BF16_ROWS * BF16_COLS] = {0}, *C = p->C + i * p->ldc + j;
    size_t bytes = (size_t)cols * sizeof *C;
    for (int64_t r = 0; add && r < rows; r++) memcpy(whole + r * BF16_COLS, C + r * p->ldc, bytes);
    whole_tile(whole, BF16_COLS, pairs, A, B, add ? BF16_ADD : BF16_SET);
    for (int64_t r = 0; r < rows; r++) memcpy(C + r * p->ldc, whole + r * BF16_COLS, bytes);
}

static void fetch(const float *C, int64_t ldc) {
    for (int r = 0; r < BF16_ROWS; r++)
        for (int c = 0; c < BF16_COLS; c += LANES) __builtin_prefetch(C + r * ldc + c, 1);
}

/* Columns j0 .. j1 of a strip of C, a panel of B after the other; `A`: the strip's panels, `terms` of k deep.
 */
static void columns(const Product *p, int64_t i0, int64_t i1, int64_t j0, int64_t j1, int64_t k,
                    int64_t terms, const uint16_t *A) {
    int64_t pairs = terms / 2;
    Bf16Store store = k ? BF16_ADD : p->first;
    for (int64_t j = j0; j < j1; j += BF16_COLS) {
        const uint16_t *B = p->B + j * round_up(p->k, 2) + k * BF16_COLS, *a = A;
        for (int64_t i = i0; i < i1; i += BF16_ROWS, a += BF16_ROWS * terms + APART) {
            float *C = p->C + i * p->ldc + j;
            if (store != BF16_STREAM && i + 2 * BF16_ROWS <= i1) fetch(C + BF16_ROWS * p->ldc, p->ldc);
            if (i + BF16_ROWS <= p->m && j + BF16_COLS <= p->n)
                whole_tile(C, p->ldc, pairs, a, B, store);
            else
                edge(p, i, j, pairs, a, B, store == BF16_ADD);
        }
    }
}

/* A strip of C, a depth of k after the other: its rows of A are packed where they are needed, once. */
static void strip(const Product *p, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    _Alignas(64) uint16_t A[TASK_ROWS * DEPTH + TASK_ROWS / BF16_ROWS * APART];
    for (int64_t k = 0; k < p->k; k += DEPTH) {
        int64_t terms = p->k - k < DEPTH ? p->k - k : DEPTH;
        Factor part = {p->A.at + k * p->A.col, p->A.row, p->A.col, NULL};
        int64_t even = round_up(terms, 2);
        pack_left(A, part, i0, i1, terms, BF16_ROWS * even + APART);
        columns(p, i0, i1, j0, j1, k, even, A);
    }
    if (p->first == BF16_STREAM) atomic_thread_fence(memory_order_seq_cst);
}

/* What a task takes of C: rows, and only where there are fewer than threads, a part of the columns. Every
 * thread gets as many tasks. No bit hangs on it. */
typedef struct Task {
    int64_t rows, cols;
} Task;

static int64_t parts(int64_t n, int64_t of) {
    return (n + of - 1) / of;
}

static Task task_of(int64_t m, int64_t n, int64_t threads) {
    int64_t turns = parts(m, threads * TASK_ROWS), rows = round_up(parts(m, threads * turns), BF16_ROWS);
    int64_t down = parts(m, rows), across = down < threads ? threads / down : 1;
    return (Task){rows, round_up(parts(n, across), BF16_COLS)};
}

void gemm_bf16(int64_t m, int64_t n, int64_t k, Factor A, Factor B, bool add, float *C, int64_t ldc,
               uint16_t *room) {
    int threads = omp_get_max_threads();
    Product p = {m, n, k, A, B.panels ? B.panels : room, first_store(m, n, k, add, C, ldc, threads), C, ldc};
    Task task = task_of(m, n, threads);
#pragma omp parallel
    {
        if (!B.panels) share_packing(room, B, n, k);
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t i = 0; i < m; i += task.rows)
            for (int64_t j = 0; j < n; j += task.cols)
                strip(&p, i, i + task.rows < m ? i + task.rows : m, j, j + task.cols < n ? j + task.cols : n);
    }
}

int64_t gemm_bf16_pieces(int64_t m, int64_t n) {
    return parts(m, BF16_ROWS) * parts(n, BF16_COLS);
}
