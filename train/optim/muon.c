/* Muon (Jordan 2024; scaled as arXiv 2502.16982): the blocks' matrices move by their momentum with its
 * singular values made alike, embedding, head, gains and biases by AdamW: g' = scale g; m = b1 m + (1 - b1)
 * g'; u = b1 m + (1 - b1) g' (Nesterov) w = w - lr decay w - lr 0.2 sqrt(max(rows, cols)) orthogonal(u) The
 * factor gives the update the rms of AdamW's, so that one lr serves both. */
#include "train/optim/optim.h"

#include "model/kernels/gemm.h"

#include <math.h>
#include <string.h>

enum { ROUNDS = 5 };

static bool is_hidden(const Tensor *t) {
    return t->dims == 2 && t->layer >= 0;
}

static int64_t lesser(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Room for X and for orthogonalising X. */
size_t muon_scratch(const Tensor *t) {
    int64_t small = lesser(t->rows, t->cols);
    return is_hidden(t) ? (size_t)(2 * t->rows * t->cols + 2 * small * small) : 0;
}

static void normalise(float *X, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)X[i] * X[i];
    float scale = (float)(1 / (sqrt(sum) + 1e-7));
    for (int64_t i = 0; i < n; i++) X[i] *= scale;
}

void muon_orthogonalise(float *X, int64_t rows, int64_t cols, float *scratch) {
    const float a = 3.4445f, b = -4.7750f, c = 2.0315f;
    float *A = scratch, *B = A + rows * rows, *Y = B + rows * rows;
    int64_t n = rows * cols;
    normalise(X, n);
    for (int round = 0; round < ROUNDS; round++) {
        gemm_nt(rows, rows, cols, X, cols, X, cols, 0, A, rows);
        gemm_nn(rows, rows, rows, A, rows, A, rows, 0, B, rows);
        for (int64_t i = 0; i < rows * rows; i++) B[i] = b * A[i] + c * B[i];
        for (int64_t i = 0; i < rows; i++) B[i * rows + i] += a;
        memcpy(Y, X, (size_t)n * sizeof *X);
        gemm_nn(rows, cols, rows, B, rows, Y, cols, 0, X, cols);
    }
}

/* X[i][j] = x(i, j), of the tensor or of its transpose, whichever has fewer rows. */
static int64_t place(const Tensor *t, bool turned, int64_t i) {
    return turned ? i % t->cols * t->rows + i / t->cols : i;
}

void muon_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                 float *const state[OPTIM_STATES]) {
    if (!is_hidden(t)) {
        adamw_update(s, t, w, g, state);
        return;
    }
    bool turned = t->rows > t->cols;
    int64_t n = t->rows * t->cols, small = lesser(t->rows, t->cols);
    float *m = state[0], *X = s->scratch, b1 = (float)s->c->beta1, scale = (float)s->scale;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        float gi = (1 - b1) * scale * g[i];
        m[i] = b1 * m[i] + gi;
        X[place(t, turned, i)] = b1 * m[i] + gi;
    }
    muon_orthogonalise(X, small, n / small, X + n);
    float keep = optim_keep(s);
    float rate = (float)(s->lr * 0.2 * sqrt((double)(n / small)));
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) w[i] = keep * w[i] - rate * X[place(t, turned, i)];
}
