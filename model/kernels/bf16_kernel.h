/* Owns: what a kernel of the bf16 product is made of (packing of its left factor, one register tile of C),
 * the table of kernels, the choice among them. Panels of right factors are the same for all. Does not own:
 * the loops over a product (model/kernels/gemm_bf16.c, model/kernels/mm_bf16.c). */
#ifndef SINKLAB_BF16_KERNEL_H
#define SINKLAB_BF16_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

/* BF16_COLS: columns of every kernel's tile. BF16_CUT: terms of k that a panel is padded to with zeros; sums
 * that are cut into calls at multiples of it keep their bits. */
enum { BF16_COLS = 32, BF16_CUT = 32 };

/* A factor as its product sees it: element (i, k) lies at i * row + k * col, and one of the two is 1. */
typedef struct Factor {
    const float *at;
    int64_t row, col;
    const uint16_t *panels; /* of a right factor: packed before; then the rest is not looked at. NULL: not */
} Factor;

/* What a tile's product does to C: SET replaces, ADD adds, STREAM replaces past all caches, which spares
 * reading what is overwritten: whole tiles at multiples of a cache line, and a fence before another thread
 * looks. */
typedef enum Bf16Store { BF16_SET, BF16_ADD, BF16_STREAM } Bf16Store;

/* Rows i .. rows-1 of a factor, k terms of each, as panels that are `panel` elements apart, zeros past its
 * ends.
 */
typedef void Bf16Pack(uint16_t *to, Factor f, int64_t i, int64_t rows, int64_t k, int64_t panel);

typedef struct Bf16Kernel {
    const char *name;
    int rows;          /* of C in a tile: of a panel of the left factor */
    bool streams;      /* has BF16_STREAM */
    double spin_flops; /* of a turn of spin */
    bool (*supported)(void);
    void (*begin)(void), (*end)(void); /* a thread does so around its tiles */
    Bf16Pack *pack_left, *pack_right;
    /* C (rows, BF16_COLS), in rows of ldc, = (C or 0) + A B over `terms` of k: a panel of each. */
    void (*tile)(float *C, int64_t ldc, int64_t terms, const uint16_t *A, const uint16_t *B, Bf16Store store);
    /* model/kernels/mm_bf16.h; NULL: made of panels and tiles as a large product is */
    void (*mm)(float *C, int ldc, int M, int N, int K, const float *A, int64_t row, int64_t col,
               const float *B, int ldb, bool add);
    float (*spin)(int64_t turns); /* independent multiply-adds, as many as there may be */
} Bf16Kernel;

/* vdpbf16ps: sums over k in order, two terms at a time. */
extern const Bf16Kernel bf16_avx512;
/* tdpbf16ps, where the system grants a process the tiles: 32 terms at a time, even and odd ones apart. */
extern const Bf16Kernel bf16_amx;

/* The best that this CPU and its system have, the last of the table where they have none. */
const Bf16Kernel *bf16_kernel(void);

/* bf16_avx512's, for other kernels: panels of BF16_COLS rows as (pairs of k, row, 2). */
Bf16Pack bf16_pack_pairs;

#endif
