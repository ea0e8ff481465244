/* Why not a library: oneDNN's bf16 matmul takes inputs that are bf16 already, so that every activation would
 * be converted in a pass of its own, here it is as it is packed; and it promises nothing about bits when the
 * threads or the rows in flight change, which every run here rests on. */
#include "model/kernels/gemm_bf16.h"

#include <omp.h>
#include <stdatomic.h>
#include <string.h>

/* DEPTH: the k of a panel of B that stays in a first-level cache while A's go by. TASK_ROWS of A so deep stay
 * in a second-level one, each panel APART elements past the former's end: else all of them would begin on the
 * same lines of the first-level one. GROUP panels of a right factor, PART of k deep, are what a thread packs
 * at a time. FAR: floats of C a thread that no cache keeps until they are read. */
enum {
    LINE = 16,
    TASK_ROWS = 192,
    DEPTH = 512,
    MOST_ROWS = 32,
    LEAST_ROWS = 12,
    APART = 32,
    GROUP = 4,
    PART = 128,
    FAR = 1 << 19
};

bool gemm_bf16_supported(void) {
    return bf16_kernel()->supported();
}

const char *gemm_bf16_name(void) {
    return bf16_kernel()->name;
}

double gemm_bf16_peak(int threads) {
    enum { TURNS = 100000, TRIES = 40 };
    const Bf16Kernel *kernel = bf16_kernel();
    if (!kernel->supported()) return 0;
    double best = 0, flops = kernel->spin_flops * TURNS * threads;
    float kept = 0;
    for (int i = 0; i < TRIES; i++) {
        double start = omp_get_wtime();
#pragma omp parallel num_threads(threads) reduction(+ : kept)
        kept += kernel->spin(TURNS);
        double rate = flops / (omp_get_wtime() - start);
        best = rate > best ? rate : best;
    }
    return kept == kept ? best : 0;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t parts(int64_t n, int64_t of) {
    return (n + of - 1) / of;
}

static int64_t round_up(int64_t n, int64_t to) {
    return parts(n, to) * to;
}

size_t gemm_bf16_panels(int64_t n, int64_t k) {
    return (size_t)(round_up(n, BF16_COLS) * round_up(k, BF16_CUT));
}

/* B's elements from term k on. */
static Factor from_term(Factor f, int64_t k) {
    return (Factor){f.at + k * f.col, f.row, f.col, NULL};
}

/* A thread's share of packing B; none waits for the others. */
static void pack_right(const Bf16Kernel *kernel, int64_t n, int64_t k, Factor B, uint16_t *panels) {
    enum { ROWS = GROUP * BF16_COLS };
    int64_t deep = round_up(k, BF16_CUT);
#pragma omp for collapse(2) schedule(dynamic) nowait
    for (int64_t i = 0; i < n; i += ROWS)
        for (int64_t at = 0; at < k; at += PART)
            kernel->pack_right(panels + i * deep + at * BF16_COLS, from_term(B, at), i, least(i + ROWS, n),
                               least(PART, k - at), BF16_COLS * deep);
}

void gemm_bf16_pack(int64_t n, int64_t k, Factor B, uint16_t *panels) {
    pack_right(bf16_kernel(), n, k, B, panels);
}

/* ---- the product ---- */

typedef struct Product {
    const Bf16Kernel *kernel;
    int64_t m, n, k;
    Factor A;
    const uint16_t *B; /* panels */
    Bf16Store first;   /* of the first DEPTH of k; the others add */
    float *C;
    int64_t ldc;
} Product;

static Bf16Store first_store(const Product *p, bool add, int threads) {
    if (add) return BF16_ADD;
    bool lines = (uintptr_t)p->C % (LINE * sizeof *p->C) == 0 && p->ldc % LINE == 0,
         once = p->kernel->streams && p->k <= DEPTH;
    return lines && once && p->m * p->n > (int64_t)FAR * threads ? BF16_STREAM : BF16_SET;
}

/* A register tile at an edge of C, through one of whole size. */
void bf16_edge(const Bf16Kernel *kernel, float *C, int64_t ldc, int64_t rows, int64_t cols, int64_t terms,
               const uint16_t *A, const uint16_t *B, bool add) {
    _Alignas(64) float whole[MOST_ROWS * BF16_COLS] = {0};
    rows = least(rows, kernel->rows);
    size_t bytes = (size_t)least(cols, BF16_COLS) * sizeof *C;
    for (int64_t r = 0; add && r < rows; r++) memcpy(whole + r * BF16_COLS, C + r * ldc, bytes);
    kernel->tile(whole, BF16_COLS, terms, A, B, add ? BF16_ADD : BF16_SET);
    for (int64_t r = 0; r < rows; r++) memcpy(C + r * ldc, whole + r * BF16_COLS, bytes);
}

static void fetch(const float *C, int64_t ldc, int rows) {
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < BF16_COLS; c += LINE) __builtin_prefetch(C + r * ldc + c, 1);
}

/* Columns j0 .. j1 of a strip of C, a panel of B after the other; `A`: the strip's panels, `terms` of k deep.
 */
static void columns(const Product *p, int64_t i0, int64_t i1, int64_t j0, int64_t j1, int64_t k,
                    int64_t terms, const uint16_t *A) {
    int rows = p->kernel->rows;
    int64_t panel = rows * round_up(terms, BF16_CUT) + APART;
    Bf16Store store = k ? BF16_ADD : p->first;
    for (int64_t j = j0; j < j1; j += BF16_COLS) {
        const uint16_t *B = p->B + j * round_up(p->k, BF16_CUT) + k * BF16_COLS, *a = A;
        for (int64_t i = i0; i < i1; i += rows, a += panel) {
            float *C = p->C + i * p->ldc + j;
            if (store != BF16_STREAM && i + 2 * rows <= i1) fetch(C + rows * p->ldc, p->ldc, rows);
            if (i + rows <= p->m && j + BF16_COLS <= p->n)
                p->kernel->tile(C, p->ldc, terms, a, B, store);
            else
                bf16_edge(p->kernel, C, p->ldc, p->m - i, p->n - j, terms, a, B, store == BF16_ADD);
        }
    }
}

/* A strip of C, a depth of k after the other: its rows of A are packed where they are needed, once. */
static void strip(const Product *p, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    _Alignas(64) uint16_t A[TASK_ROWS * DEPTH + TASK_ROWS / LEAST_ROWS * APART];
    const Bf16Kernel *kernel = p->kernel;
    kernel->begin();
    for (int64_t k = 0; k < p->k; k += DEPTH) {
        int64_t terms = least(p->k - k, DEPTH);
        kernel->pack_left(A, from_term(p->A, k), i0, i1, terms,
                          kernel->rows * round_up(terms, BF16_CUT) + APART);
        columns(p, i0, i1, j0, j1, k, terms, A);
    }
    kernel->end();
    if (p->first == BF16_STREAM) atomic_thread_fence(memory_order_seq_cst);
}

/* Rows and columns of C that a task takes. Results do not depend on them. */
typedef struct Task {
    int64_t rows, cols;
} Task;

/* Work of the busiest thread, in multiply-adds of a term: packing a row of A or fetching a column of B
 * takes as long as PASS of them. */
static int64_t cost(const Product *p, Task t, int64_t threads) {
    enum { PASS = 128 };
    int64_t tasks = parts(p->m, t.rows) * parts(p->n, t.cols);
    return parts(tasks, threads) * (t.rows * t.cols + PASS * (t.rows + t.cols));
}

/* Rows and columns by which every thread gets as many tasks: of all cuts across by a power of two the
 * cheapest. */
static Task task_of(const Product *p, int64_t threads) {
    Task best = {0};
    for (int64_t across = 1; across == 1 || across <= least(threads, parts(p->n, BF16_COLS)); across *= 2) {
        int64_t cols = round_up(parts(p->n, across), BF16_COLS), turns = 1, rows;
        do rows = round_up(parts(p->m * across, threads * turns++), p->kernel->rows);
        while (rows > TASK_ROWS);
        Task t = {rows, cols};
        if (!best.rows || cost(p, t, threads) < cost(p, best, threads)) best = t;
    }
    return best;
}

void gemm_bf16_by(const Bf16Kernel *kernel, int64_t m, int64_t n, int64_t k, Factor A, Factor B, bool add,
                  float *C, int64_t ldc, uint16_t *room) {
    int threads = omp_get_max_threads();
    Product p = {kernel, m, n, k, A, B.panels ? B.panels : room, BF16_SET, C, ldc};
    p.first = first_store(&p, add, threads);
    Task task = task_of(&p, threads);
#pragma omp parallel
    {
        if (!B.panels) {
            pack_right(kernel, n, k, B, room);
#pragma omp barrier
        }
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t i = 0; i < m; i += task.rows)
            for (int64_t j = 0; j < n; j += task.cols)
                strip(&p, i, least(i + task.rows, m), j, least(j + task.cols, n));
    }
}

void gemm_bf16(int64_t m, int64_t n, int64_t k, Factor A, Factor B, bool add, float *C, int64_t ldc,
               uint16_t *room) {
    gemm_bf16_by(bf16_kernel(), m, n, k, A, B, add, C, ldc, room);
}

int64_t gemm_bf16_pieces(int64_t m, int64_t n) {
    return parts(m, bf16_kernel()->rows) * parts(n, BF16_COLS);
}
