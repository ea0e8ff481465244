/* model/ops/rmsnorm.c against the formula and its central differences. */
#include "tests/model/support.h"

#include "model/ops/rmsnorm.h"
#include "model/ops/strips.h"

#include <math.h>

typedef struct Shape {
    int B, T, width;
    double std; /* at 3e-3 the epsilon under the root decides; one alone has a slope only through it */
} Shape;

static const Shape shapes[] = {{1, 1, 1, 3e-3}, {1, 1, 16, 1},     {1, 7, 17, 1},      {3, 33, 8, 3e-3},
                               {2, 100, 5, 1},  {1, 130, 48, 100}, {2, 65, 130, 3e-3}, {1, 64, 384, 1}};

static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    const double *x = in[0], *gain = in[1];
    for (int n = 0; n < s->B * s->T; n++, x += s->width, out += s->width) {
        double sum = 0;
        for (int i = 0; i < s->width; i++) sum += x[i] * x[i];
        double rms = sqrt(sum / s->width + 1e-5);
        for (int i = 0; i < s->width; i++) out[i] = gain[i] * x[i] / rms;
    }
}

static void check(const Shape *s) {
    size_t N = (size_t)(s->B * s->T), n = N * (size_t)s->width, w = (size_t)s->width;
    OWNED float *x = normals(1, n, s->std), *gain = normals(2, w, 1), *dh = normals(3, n, 1);
    OWNED float *h = constants(n, 0), *rstd = constants(N, 0), *dx = constants(n, 0.25f);
    OWNED float *dgain = constants(w, 0.5f), *partial = constants((size_t)strips_count(s->B, s->T) * w, 9);
    const float *in[] = {x, gain};
    Naive f = {s, naive, 2, {n, w}, n};

    rmsnorm_forward(x, gain, h, rstd, (int64_t)N, s->width);
    check_forward(&f, in, h, s->width + 5); /* a sum over the width, mean, root, two products */
    rmsnorm_backward(x, gain, rstd, dh, dx, dgain, partial, s->B, s->T, s->width);
    check_gradient(&f, in, dh, 0, dx, 0.25f, 2 * s->width + 12); /* two such sums */
    check_gradient(&f, in, dh, 1, dgain, 0.5f, s->width + 5 + (int)N);
}

static void rmsnorm_follows_its_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

static void the_reciprocal_rms_is_exact_to_rounding(void **state) {
    (void)state;
    for (int width = 1; width < 40; width++) {
        OWNED float *x = normals(4, (size_t)width, 0.01);
        double sum = 0;
        for (int i = 0; i < width; i++) sum += (double)x[i] * x[i];
        double want = 1 / sqrt(sum / width + 1e-5);
        assert_true(fabs(rms_reciprocal(x, width) - want) <= (width + 4) * 0x1p-24 * want);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rmsnorm_follows_its_formula_in_every_shape),
                                       cmocka_unit_test(the_reciprocal_rms_is_exact_to_rounding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
