#include "model/kernels/gemm_packed.h"

#include <string.h>

#if defined(__x86_64__)

#include "model/kernels/transpose.h"

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))

/* ROWS x COLS of C are in registers at most: 24 accumulators, 2 vectors of B. WIDE columns of B, packed, stay
 * in a second-level cache while all of A is read. LINE floats are 4 kB: rows that far apart map to one set of
 * a first-level cache. */
enum { ROWS = 12, LANES = 16, COLS = 2 * LANES, WIDE = 384, LINE = 1024 };

bool gemm_packed_supported(void) {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

/* Prefetches to be made while a tile is computed: every LANES terms `lines` lines of the cache, `apart`
 * floats from one to the next, each time `step` floats further. */
typedef struct Ahead {
    const float *at;
    int64_t apart, step;
    int lines;
} Ahead;

/* C (rows, COLS) = A B, or += : A(r, k) at r * row + k * col, B a panel (k, COLS). */
TARGET static inline __attribute__((always_inline)) void tile(int rows, float *C, int64_t ldc, int64_t terms,
                                                              const float *A, int64_t row, int64_t col,
                                                              const float *B, bool add, Ahead ahead) {
    __m512 c[ROWS][2];
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++) c[r][0] = c[r][1] = _mm512_setzero_ps();
#pragma GCC unroll 1
    for (const float *row_of_C = C; row_of_C < C + rows * ldc; row_of_C += ldc)
        for (int lane = 0; lane < COLS; lane += LANES) __builtin_prefetch(row_of_C + lane, 1);
    const float *a0 = A, *a3 = A + 3 * row, *a6 = A + 6 * row, *a9 = A + 9 * row;
    for (int64_t from = 0; from < terms; from += LANES, ahead.at += ahead.step) {
        int64_t count = terms - from < LANES ? terms - from : LANES;
        for (int l = 0; l < ahead.lines; l++) __builtin_prefetch(ahead.at + l * ahead.apart);
        for (int64_t k = 0; k < count; k++, a0 += col, a3 += col, a6 += col, a9 += col, B += COLS) {
            const float *const base[] = {a0, a3, a6, a9};
            __m512 b0 = _mm512_loadu_ps(B), b1 = _mm512_loadu_ps(B + LANES);
#pragma GCC unroll 12
            for (int r = 0; r < rows; r++) {
                __m512 a = _mm512_set1_ps(base[r / 3][(r % 3) * row]);
                c[r][0] = _mm512_fmadd_ps(a, b0, c[r][0]);
                c[r][1] = _mm512_fmadd_ps(a, b1, c[r][1]);
            }
        }
    }
#pragma GCC unroll 12
    for (int r = 0; r < rows; r++, C += ldc) {
        if (add) c[r][0] = _mm512_add_ps(c[r][0], _mm512_loadu_ps(C));
        if (add) c[r][1] = _mm512_add_ps(c[r][1], _mm512_loadu_ps(C + LANES));
        _mm512_storeu_ps(C, c[r][0]);
        _mm512_storeu_ps(C + LANES, c[r][1]);
    }
}

/* Copies in which the number of rows, and the strides of packed ones, are constants. */
TARGET static void tile_direct(float *C, int64_t ldc, int64_t terms, const float *A, int64_t row,
                               const float *B, bool add, Ahead ahead) {
    tile(ROWS, C, ldc, terms, A, row, 1, B, add, ahead);
}
TARGET static void tile_packed(float *C, int64_t ldc, int64_t terms, const float *A, const float *B, bool add,
                               Ahead ahead) {
    tile(ROWS, C, ldc, terms, A, 1, ROWS, B, add, ahead);
}
TARGET static void tile_packed_8(float *C, int64_t ldc, int64_t terms, const float *A, const float *B,
                                 bool add, Ahead ahead) {
    tile(8, C, ldc, terms, A, 1, ROWS, B, add, ahead);
}
TARGET static void tile_packed_4(float *C, int64_t ldc, int64_t terms, const float *A, const float *B,
                                 bool add, Ahead ahead) {
    tile(PACKED_ROWS, C, ldc, terms, A, 1, ROWS, B, add, ahead);
}

/* Heights of the tiles that a strip of rows is cut into, highest first. */
typedef struct Height {
    int rows;
    void (*tile)(float *C, int64_t ldc, int64_t terms, const float *A, const float *B, bool add, Ahead ahead);
} Height;
static const Height heights[] = {{ROWS, tile_packed}, {8, tile_packed_8}, {PACKED_ROWS, tile_packed_4}};

static const Height *height_of(int64_t left) {
    const Height *h = heights, *lowest = heights + sizeof heights / sizeof *heights - 1;
    while (h < lowest && h->rows > left) h++;
    return h;
}

TARGET static inline __mmask16 first(int64_t lanes) {
    return (__mmask16)(lanes >= LANES ? 0xffff : lanes <= 0 ? 0 : (1 << lanes) - 1);
}

/* Packs sixteen rows with k adjacent, of which the first `there` are read and the rest are zeros, into the
 * first `keep` lanes of panels. */
TARGET static inline __attribute__((always_inline)) void
transposed(float *to, int width, const float *from, int64_t row, int64_t there, int keep, int64_t terms) {
    for (int64_t t = 0; t < terms; t += LANES) {
        __mmask16 read = first(terms - t);
        __m512i x[LANES];
#pragma GCC unroll 16
        for (int r = 0; r < LANES; r++)
            x[r] = r < keep && r < there ? _mm512_maskz_loadu_epi32(read, from + r * row + t)
                                         : _mm512_setzero_si512();
        transpose16(x);
#pragma GCC unroll 16
        for (int p = 0; p < LANES; p++)
            if (t + p < terms) _mm512_mask_storeu_epi32(to + (t + p) * width, first(keep), x[p]);
    }
}

/* Rows i .. i+width of a factor as (terms, width), zeros past its end. Whole vectors are stored, the part
 * over `width` into what comes next. */
TARGET static inline __attribute__((always_inline)) void pack(float *to, Operand f, int64_t i, int64_t rows,
                                                              int width, int64_t k, int64_t terms) {
    int64_t there = rows - i;
    const float *from = f.at + i * f.row + k * f.col;
    if (f.col == 1) {
        for (int lane = 0; lane < width; lane += LANES)
            transposed(to + lane, width, from + lane * f.row, f.row, there - lane,
                       width < LANES ? width : LANES, terms);
        return;
    }
    for (int64_t t = 0; t < terms; t++, to += width, from += f.col)
        for (int lane = 0; lane < width; lane += LANES) {
            int64_t keep = width - lane < LANES ? width - lane : LANES;
            _mm512_storeu_ps(to + lane,
                             _mm512_maskz_loadu_ps(first(there - lane) & first(keep), from + lane));
        }
}
TARGET static void pack_rows(float *to, Operand f, int64_t i, int64_t rows, int64_t k, int64_t terms) {
    pack(to, f, i, rows, ROWS, k, terms);
}
TARGET static void pack_cols(float *to, Operand f, int64_t i, int64_t rows, int64_t k, int64_t terms) {
    pack(to, f, i, rows, COLS, k, terms);
}

/* One block of k and of columns: its operands and sizes. */
typedef struct Block {
    Operand A;
    int64_t m, n, k, terms; /* n: columns of this block */
    const float *B;         /* panels (k, COLS) one after the other */
    bool add;
    float *C; /* of this block's first column */
    int64_t ldc;
} Block;

/* A tile that reaches over an edge of C, through one of whole size. */
TARGET static void edge(const Block *b, const Height *h, int64_t i, int64_t j, const float *A) {
    int64_t rows = b->m - i < h->rows ? b->m - i : h->rows, cols = b->n - j < COLS ? b->n - j : COLS;
    float whole[ROWS * COLS] = {0}, *C = b->C + i * b->ldc + j;
    size_t bytes = (size_t)cols * sizeof *C;
    for (int64_t r = 0; b->add && r < rows; r++) memcpy(whole + r * COLS, C + r * b->ldc, bytes);
    h->tile(whole, COLS, b->terms, A, b->B + j * b->terms, b->add, (Ahead){0});
    for (int64_t r = 0; r < rows; r++) memcpy(C + r * b->ldc, whole + r * COLS, bytes);
}

/* The rows of A after these, a part of them while each of `tiles` is at work. */
static Ahead rows_after(const Block *b, int64_t i, int tiles) {
    const float *A = b->A.at + i * b->A.row + b->k * b->A.col;
    int64_t left = b->m - i < ROWS ? b->m - i : ROWS;
    if (left <= 0) return (Ahead){0};
    if (b->A.col == 1) return (Ahead){A, b->A.row, LANES, (int)((left + tiles - 1) / tiles)};
    int lines = (LANES + tiles - 1) / tiles;
    return (Ahead){A + left - 1, b->A.col, lines * b->A.col, lines};
}

/* The prefetches of the next tile, where `a` are those of this one. */
static Ahead next_part(const Block *b, Ahead a) {
    int64_t steps = (b->terms + LANES - 1) / LANES;
    a.at += b->A.col == 1 ? a.lines * a.apart : steps * a.step;
    return a;
}

/* Rows of A with k adjacent need no packing, unless they fall on the same lines of the cache. */
TARGET static void row_of_tiles(const Block *b, const Height *h, int64_t i, float *room) {
    bool whole = i + h->rows <= b->m, direct = i + ROWS <= b->m && b->A.col == 1 && b->A.row % LINE;
    const float *A = b->A.at + i * b->A.row + b->k * b->A.col;
    Ahead ahead = rows_after(b, i + h->rows, (int)((b->n + COLS - 1) / COLS));
    if (!direct || b->n % COLS) pack_rows(room, b->A, i, b->m, b->k, b->terms);
    for (int64_t j = 0; j < b->n; j += COLS, ahead = next_part(b, ahead)) {
        const float *B = b->B + j * b->terms;
        float *C = b->C + i * b->ldc + j;
        if (!whole || j + COLS > b->n)
            edge(b, h, i, j, room);
        else if (direct)
            tile_direct(C, b->ldc, b->terms, A, b->A.row, B, b->add, ahead);
        else
            h->tile(C, b->ldc, b->terms, room, B, b->add, ahead);
    }
}

static int64_t depth_at(Depth d, int64_t left) {
    return left <= d.most ? left : d.usual;
}

TARGET void gemm_packed(int64_t m, int64_t n, int64_t k, Operand A, Operand B, Depth depth, bool add,
                        float *C, int64_t ldc) {
    _Alignas(64) float panels[WIDE * PACKED_MOST], rows[ROWS * PACKED_MOST + LANES - ROWS];
    int64_t blocks = (n + WIDE - 1) / WIDE,
            wide = blocks ? ((n + blocks - 1) / blocks + COLS - 1) / COLS * COLS : 0;
    for (int64_t at = 0, terms; at < k; at += terms) {
        terms = depth_at(depth, k - at);
        for (int64_t j = 0; j < n; j += wide) {
            Block b = {A, m, n - j < wide ? n - j : wide, at, terms, panels, add || at, C + j, ldc};
            for (int64_t p = 0; p < b.n; p += COLS) pack_cols(panels + p * terms, B, j + p, n, at, terms);
            const Height *h;
            for (int64_t i = 0; i < m; i += h->rows) row_of_tiles(&b, h = height_of(m - i), i, rows);
        }
    }
}

#else

bool gemm_packed_supported(void) {
    return false;
}
void gemm_packed(int64_t m, int64_t n, int64_t k, Operand A, Operand B, Depth depth, bool add, float *C,
                 int64_t ldc) {
    (void)m, (void)n, (void)k, (void)A, (void)B, (void)depth, (void)add, (void)C, (void)ldc;
}

#endif
