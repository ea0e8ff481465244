/* OrthoAdam (arXiv 2410.17174): Adam on gradients turned into a random orthogonal basis, a different one for
 * each tensor, and its steps turned back: no channel of the model is an axis of the optimiser, so Adam's step
 * a coordinate cannot single one out. Each row x of a matrix (a vector is one row) is turned by Q of its n =
 * cols numbers. A dense Q costs n^2 a row; here Q = P (x) R, P (a, a) and R (b, b) random orthogonal, a b =
 * n, a the divisor of n nearest below its root: with x as X (a, b), Q x = P X R^T at n (a + b), and every
 * coordinate still mixes with all. g' = Q scale g; m, v as Adam's of g'; w = w - lr decay w - lr Q^T (Adam's
 * step) */
#include "train/optim/optim.h"

#include "data/base/error.h"
#include "data/base/rng.h"

#include <math.h>
#include <stdlib.h>

/* A tensor as rows of n = a b numbers. */
typedef struct Shape {
    int64_t rows, n, a, b;
} Shape;

static Shape shape_of(const Tensor *t) {
    Shape s = t->dims == 2 ? (Shape){t->rows, t->cols, 1, 0} : (Shape){1, t->rows, 1, 0};
    for (int64_t a = 2; a * a <= s.n; a++)
        if (s.n % a == 0) s.a = a;
    s.b = s.n / s.a;
    return s;
}

size_t orthoadam_fixed(const Tensor *t) {
    Shape s = shape_of(t);
    return (size_t)(s.a * s.a + s.b * s.b);
}

/* The step in the turned basis, and each row half turned. */
size_t orthoadam_scratch(const Tensor *t) {
    return (size_t)(2 * t->rows * t->cols);
}

/* Normals, row after row made orthogonal to those before (twice, so that rounding leaves none) and
 * of length 1: a rotation drawn uniformly. */
static void draw_orthogonal(uint64_t seed, uint64_t place, uint64_t index, int64_t n, float *Q) {
    double *rows = malloc((size_t)(n * n) * sizeof *rows);
    if (!rows) out_of_memory();
    for (int64_t i = 0; i < n; i++) {
        double *x = rows + i * n, norm = 0;
        for (int64_t k = 0; k < n; k++)
            x[k] = rng_normal(seed, RNG_BASIS, place, index + (uint64_t)(i * n + k));
        for (int64_t pass = 0; pass < 2 * i; pass++) {
            const double *y = rows + pass % i * n;
            double dot = 0;
            for (int64_t k = 0; k < n; k++) dot += x[k] * y[k];
            for (int64_t k = 0; k < n; k++) x[k] -= dot * y[k];
        }
        for (int64_t k = 0; k < n; k++) norm += x[k] * x[k];
        for (int64_t k = 0; k < n; k++) x[k] /= sqrt(norm);
        for (int64_t k = 0; k < n; k++) Q[i * n + k] = (float)x[k];
    }
    free(rows);
}

void orthoadam_prepare(const Tensor *t, uint64_t seed, float *fixed) {
    Shape s = shape_of(t);
    uint64_t place = rng_step_of(t->name);
    draw_orthogonal(seed, place, 0, s.a, fixed);
    draw_orthogonal(seed, place, (uint64_t)(s.a * s.a), s.b, fixed + s.a * s.a);
}

/* y = sum_k M[i][k] x[k], or M[k][i] when turned back. */
static float along(const float *M, int64_t n, int64_t i, bool back, const float *x, int64_t stride) {
    float sum = 0;
    int64_t from = back ? i : i * n, step = back ? n : 1;
    for (int64_t k = 0; k < n; k++) sum += M[from + k * step] * x[k * stride];
    return sum;
}

/* y = Q x of one row, or Q^T x: Y = P X R^T. half: (n). */
static void turn(const Shape *s, const float *fixed, bool back, const float *x, float scale, float *half,
                 float *y) {
    const float *P = fixed, *R = fixed + s->a * s->a;
    for (int64_t i = 0; i < s->a; i++)
        for (int64_t j = 0; j < s->b; j++)
            half[i * s->b + j] = scale * along(R, s->b, j, back, x + i * s->b, 1);
    for (int64_t i = 0; i < s->a; i++)
        for (int64_t j = 0; j < s->b; j++) y[i * s->b + j] = along(P, s->a, i, back, half + j, s->b);
}

/* Adam's step of one row: y comes as the turned gradient and leaves as the step. */
static void adam_row(const OptimStep *s, float *y, float *m, float *v, int64_t n) {
    const OptimConfig *c = s->c;
    float b1 = (float)c->beta1, b2 = (float)c->beta2, eps = (float)c->eps;
    float first = (float)(1 / (1 - pow(c->beta1, (double)s->step)));
    float second = (float)(1 / (1 - pow(c->beta2, (double)s->step)));
    for (int64_t i = 0; i < n; i++) {
        m[i] = b1 * m[i] + (1 - b1) * y[i];
        v[i] = b2 * v[i] + (1 - b2) * y[i] * y[i];
        y[i] = first * m[i] / (sqrtf(second * v[i]) + eps);
    }
}

void orthoadam_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                      float *const state[OPTIM_STATES]) {
    Shape shape = shape_of(t);
    float keep = optim_keep(s), rate = (float)s->lr;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < shape.rows; row++) {
        int64_t at = row * shape.n;
        float *y = s->scratch + at, *half = y + shape.rows * shape.n;
        turn(&shape, s->fixed, false, g + at, (float)s->scale, half, y);
        adam_row(s, y, state[0] + at, state[1] + at, shape.n);
        turn(&shape, s->fixed, true, y, 1, half, y);
        for (int64_t i = 0; i < shape.n; i++) w[at + i] = keep * w[at + i] - rate * y[i];
    }
}
