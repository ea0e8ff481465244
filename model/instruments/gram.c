#include "model/instruments/gram.h"

#include "data/base/error.h"

#include <float.h>
#include <lapacke.h>
#include <string.h>

typedef double vd __attribute__((vector_size(64), aligned(8), may_alias));
enum { VECTORS = GRAM_COLS / 8 };

int gram_room(int M) {
    return (M + GRAM_COLS - 1) / GRAM_COLS * GRAM_COLS;
}

static void tile(double *G, int room, const double *P, int64_t K, int i0, int j0) {
    vd sum[GRAM_ROWS][VECTORS];
    for (int i = 0; i < GRAM_ROWS; i++)
        for (int j = 0; j < VECTORS; j++)
            sum[i][j] = *(const vd *)(G + (int64_t)(i0 + i) * room + j0 + 8 * j);
    for (int64_t k = 0; k < K; k++) {
        const double *left = P + k * room + i0;
        const vd *right = (const vd *)(P + k * room + j0);
        for (int i = 0; i < GRAM_ROWS; i++)
            for (int j = 0; j < VECTORS; j++) sum[i][j] += left[i] * right[j];
    }
    for (int i = 0; i < GRAM_ROWS; i++)
        for (int j = 0; j < VECTORS; j++) *(vd *)(G + (int64_t)(i0 + i) * room + j0 + 8 * j) = sum[i][j];
}

void gram_strip(double *G, int room, const double *P, int64_t K, int i0) {
    for (int j0 = i0 / GRAM_COLS * GRAM_COLS; j0 < room; j0 += GRAM_COLS) tile(G, room, P, K, i0, j0);
}

/* Whether LAPACK has solved it. Room to work in, which it takes itself, is small memory. */
static bool solved(lapack_int info) {
    if (info == LAPACK_WORK_MEMORY_ERROR) out_of_memory();
    return !info;
}

bool gram_eigenvalues(double *G, int room, int n, double *values) {
    /* The upper triangle by rows is the lower one by columns, which LAPACK takes without a copy. */
    if (!solved(LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'N', 'L', n, G, room, values))) return false;
    for (int i = 0; i < n / 2; i++) {
        double low = values[i];
        values[i] = values[n - 1 - i];
        values[n - 1 - i] = low;
    }
    double rounding = n * DBL_EPSILON * values[0];
    for (int i = 0; i < n; i++)
        if (values[i] <= rounding) values[i] = 0;
    return true;
}

bool gram_first_vector(double *G, int n, double *vector) {
    double values[n];
    if (!solved(LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'L', n, G, n, values))) return false;
    memcpy(vector, G + (int64_t)(n - 1) * n, (size_t)n * sizeof *vector); /* they come in ascending order */
    return true;
}
