#include "model/gemm_bf16.h"

#include "model/vec_bf16.h"

#include <omp.h>
#include <string.h>

enum { LANES = 16, TASK_ROWS = 8 * BF16_ROWS, TASK_COLS = 4 * BF16_COLS };

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
    return (size_t)((round_up(m, BF16_ROWS) + round_up(n, BF16_COLS)) * round_up(k, 2));
}

/* Both packers write rows i .. of a factor as a panel (k pairs, width, 2), zeros past its ends. `there` rows
 * of the panel are the factor's, the others zero. */

/* Rows adjacent in memory: two values of k at a time, a vector of rows each. */
static void pack_columns(uint16_t *to, Factor f, int64_t i, int there, int width, int64_t k) {
    uint16_t pairs[2 * LANES];
    float even[LANES] = {0}, odd[LANES] = {0};
    for (int64_t at = 0; at < k; at += 2)
        for (int lane = 0; lane < width; lane += LANES) {
            int rows = there - lane < LANES ? there - lane : LANES, keep = width - lane;
            const float *from = f.at + i + lane + at * f.col;
            bool last = at + 1 == k;
            if (rows == LANES && keep >= LANES && !last) {
                bf16_pairs(to + at * width + 2 * lane, from, from + f.col);
                continue;
            }
            for (int r = 0; r < rows; r++) {
                even[r] = from[r];
                odd[r] = last ? 0 : from[f.col + r];
            }
            for (int r = rows > 0 ? rows : 0; r < LANES; r++) even[r] = odd[r] = 0;
            bf16_pairs(pairs, even, odd);
            memcpy(to + at * width + 2 * lane, pairs, (size_t)(keep < LANES ? keep : LANES) * 2 * sizeof *to);
        }
}

/* k adjacent in memory: sixteen pairs of one row at a time, each to its place in the panel. */
static void pack_rows(uint16_t *to, Factor f, int64_t i, int there, int width, int64_t k) {
    enum { SPAN = 2 * LANES };
    uint16_t pairs[SPAN] = {0};
    for (int64_t at = 0; at < k; at += SPAN) {
        int64_t span = k - at < SPAN ? k - at : SPAN, n = (span + 1) / 2;
        for (int r = 0; r < width; r++) {
            float tail[SPAN] = {0};
            const float *from = f.at + (i + r) * f.row + at;
            if (r < there && span < SPAN) memcpy(tail, from, (size_t)span * sizeof *tail);
            bf16_round(pairs, r < there && span == SPAN ? from : tail);
            for (int64_t p = 0; p < n; p++)
                memcpy(to + (at + 2 * p) * width + 2 * r, pairs + 2 * p, 2 * sizeof *to);
        }
    }
}

static void pack_panel(uint16_t *to, Factor f, int64_t i, int64_t rows, int width, int64_t k) {
    int there = rows - i < width ? (int)(rows - i) : width;
    if (f.col == 1)
        pack_rows(to, f, i, there, width, k);
    else
        pack_columns(to, f, i, there, width, k);
}

static void add_tile(float *C, int64_t ldc, const float *acc, int64_t rows, int64_t cols, bool add) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < cols; c++)
            C[r * ldc + c] = add ? C[r * ldc + c] + acc[r * BF16_COLS + c] : acc[r * BF16_COLS + c];
}

typedef struct Packed {
    int64_t m, n, k;       /* k rounded up to pairs */
    const uint16_t *A, *B; /* panels */
    bool add;
    float *C;
    int64_t ldc;
} Packed;

/* A block of C that stays in the second-level cache, a depth of k after the other. */
static void block(const Packed *p, int64_t i0, int64_t j0) {
    int64_t i1 = i0 + TASK_ROWS < p->m ? i0 + TASK_ROWS : p->m,
            j1 = j0 + TASK_COLS < p->n ? j0 + TASK_COLS : p->n;
    float acc[BF16_ROWS * BF16_COLS];
    for (int64_t k = 0; k < p->k; k += BF16_DEPTH) {
        int64_t depth = p->k - k < BF16_DEPTH ? p->k - k : BF16_DEPTH;
        for (int64_t j = j0; j < j1; j += BF16_COLS)
            for (int64_t i = i0; i < i1; i += BF16_ROWS) {
                bf16_tile(acc, depth / 2, p->A + i * p->k + k * BF16_ROWS, p->B + j * p->k + k * BF16_COLS);
                add_tile(p->C + i * p->ldc + j, p->ldc, acc, i1 - i < BF16_ROWS ? i1 - i : BF16_ROWS,
                         j1 - j < BF16_COLS ? j1 - j : BF16_COLS, p->add || k);
            }
    }
}

void gemm_bf16(int64_t m, int64_t n, int64_t k, Factor A, Factor B, bool add, float *C, int64_t ldc,
               uint16_t *room) {
    int64_t pairs = round_up(k, 2);
    uint16_t *a = room, *b = room + round_up(m, BF16_ROWS) * pairs;
    Packed p = {m, n, pairs, a, b, add, C, ldc};
#pragma omp parallel
    {
#pragma omp for schedule(static) nowait
        for (int64_t i = 0; i < m; i += BF16_ROWS) pack_panel(a + i * pairs, A, i, m, BF16_ROWS, k);
#pragma omp for schedule(static)
        for (int64_t j = 0; j < n; j += BF16_COLS) pack_panel(b + j * pairs, B, j, n, BF16_COLS, k);
#pragma omp for collapse(2) schedule(dynamic)
        for (int64_t j = 0; j < n; j += TASK_COLS)
            for (int64_t i = 0; i < m; i += TASK_ROWS) block(&p, i, j);
    }
}
