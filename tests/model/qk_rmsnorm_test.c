/* model/ops/qk_rmsnorm.c against the formula and its central differences, in rows that hold more than its
 * heads. */
#include "tests/model/support.h"

#include "model/ops/qk_rmsnorm.h"
#include "model/ops/strips.h"

#include <math.h>
#include <string.h>

typedef struct Shape {
    int B, T, H, dh, spare; /* columns of a row that belong to nobody here */
    double std;             /* as in rmsnorm_test.c */
} Shape;

static const Shape shapes[] = {{1, 1, 1, 1, 0, 3e-3}, {1, 7, 1, 17, 0, 1},    {2, 33, 3, 12, 5, 3e-3},
                               {1, 100, 5, 3, 1, 1},  {2, 70, 2, 64, 0, 100}, {3, 1, 4, 16, 7, 30}};

static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    int ld = s->H * s->dh + s->spare;
    memcpy(out, in[0], (size_t)(s->B * s->T * ld) * sizeof *out);
    for (int v = 0; v < s->B * s->T * s->H; v++) {
        double *x = out + v / s->H * ld + v % s->H * s->dh, sum = 0;
        for (int i = 0; i < s->dh; i++) sum += x[i] * x[i];
        double rms = sqrt(sum / s->dh + 1e-5);
        for (int i = 0; i < s->dh; i++) x[i] *= in[1][i] / rms;
    }
}

static void check(const Shape *s) {
    size_t N = (size_t)(s->B * s->T), ld = (size_t)(s->H * s->dh + s->spare), n = N * ld, w = (size_t)s->dh;
    OWNED float *x = normals(1, n, s->std), *gain = normals(2, w, 1), *dy = normals(3, n, 1);
    OWNED float *y = normals(1, n, s->std), *raw = constants(N * (size_t)(s->H * s->dh), 9);
    OWNED float *dx = normals(3, n, 1), *dgain = constants(w, 0.5f);
    OWNED float *partial = constants((size_t)strips_count(s->B, s->T) * w, 9);
    const float *in[] = {x, gain};
    Naive f = {s, naive, 2, {n, w}, n};

    qk_rmsnorm_forward(y, (int64_t)ld, gain, raw, (int64_t)N, s->H, s->dh); /* in place */
    check_forward(&f, in, y, s->dh + 5);
    qk_rmsnorm_backward(dx, (int64_t)ld, gain, raw, dgain, partial, s->B, s->T, s->H, s->dh);
    check_gradient(&f, in, dy, 0, dx, 0, 2 * s->dh + 12);
    check_gradient(&f, in, dy, 1, dgain, 0.5f, s->dh + 5 + (int)N * s->H);
}

static void qk_rmsnorm_follows_its_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(qk_rmsnorm_follows_its_formula_in_every_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
