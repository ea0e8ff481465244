/* model/ops/exclusive.c against z = y - (y.v / |v|^2) v and its central differences, values in rows that hold
 * more and shared by heads or not. */
#include "tests/model/support.h"

#include "model/ops/ops.h"

#include <math.h>
#include <string.h>

enum { SPARE = 3 };

typedef struct Shape {
    int N, H, KV, dh;
    double std; /* of values */
} Shape;

static const Shape shapes[] = {{1, 1, 1, 2, 1},    {7, 3, 3, 17, 1},  {33, 4, 2, 12, 1},
                               {5, 6, 1, 8, 1e-3}, {70, 2, 2, 5, 30}, {3, 4, 4, 64, 1}};

/* in: y (N, H, dh), v (N, KV, dh). */
static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    for (int n = 0; n < s->N; n++)
        for (int h = 0; h < s->H; h++) {
            const double *y = in[0] + (n * s->H + h) * s->dh,
                         *v = in[1] + (n * s->KV + h * s->KV / s->H) * s->dh;
            double *z = out + (n * s->H + h) * s->dh, along = 0, square = 0;
            for (int i = 0; i < s->dh; i++) along += y[i] * v[i], square += v[i] * v[i];
            for (int i = 0; i < s->dh; i++) z[i] = y[i] - (square > 0 ? along / square * v[i] : 0);
        }
}

static Ctx ctx_of(const Shape *s, const float *v, float *dv) {
    return (Ctx){
        .N = s->N, .H = s->H, .KV = s->KV, .dh = s->dh, .ld = s->KV * s->dh + SPARE, .v = v, .dv = dv};
}

static void check(const Shape *s) {
    size_t n = (size_t)(s->N * s->H * s->dh), keys = (size_t)(s->KV * s->dh), m = (size_t)s->N * keys;
    OWNED float *y = normals(1, n, 1), *v = normals(2, m, s->std), *dz = normals(3, n, 1);
    OWNED float *wide = constants((size_t)s->N * (keys + SPARE), NAN), *z = constants(n, 9);
    OWNED float *dy = constants(n, 0), *dv = constants(m, 9);
    for (int t = 0; t < s->N; t++)
        memcpy(wide + (size_t)t * (keys + SPARE), v + (size_t)t * keys, keys * sizeof *v);
    const float *in[] = {y, v};
    Naive f = {s, naive, 2, {n, m}, n};
    Ctx c = ctx_of(s, wide, dv);

    exclusive_forward(&c, y, z);
    check_forward(&f, in, z, s->dh + 8);
    memcpy(dy, dz, n * sizeof *dy);
    exclusive_backward(&c, y, dy);
    check_gradient(&f, in, dz, 0, dy, 0, s->dh + 8);
    check_gradient(&f, in, dz, 1, dv, 0, 8 * s->dh + 64);
}

static void exclusive_follows_its_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

/* y = v leaves exactly nothing, v = 0 leaves y and its gradient as they are. */
static void what_is_the_own_value_goes_and_no_value_takes_nothing(void **state) {
    (void)state;
    for (int dh = 1; dh < 70; dh++) {
        size_t n = (size_t)dh;
        OWNED float *v = normals(4, n + SPARE, 0.3), *none = constants(n + SPARE, 0), *y = normals(5, n, 1);
        OWNED float *z = constants(n, 9), *dz = normals(6, n, 1), *was = normals(6, n, 1),
                    *dv = constants(n, 9);
        Ctx own = ctx_of(&(Shape){1, 1, 1, dh, 0}, v, dv),
            without = ctx_of(&(Shape){1, 1, 1, dh, 0}, none, dv);
        exclusive_forward(&own, v, z);
        for (int i = 0; i < dh; i++) assert_true(z[i] == 0);
        exclusive_forward(&without, y, z);
        assert_memory_equal(z, y, n * sizeof *y);
        exclusive_backward(&without, y, dz);
        assert_memory_equal(dz, was, n * sizeof *dz);
        for (int i = 0; i < dh; i++) assert_true(dv[i] == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exclusive_follows_its_formula_in_every_shape),
        cmocka_unit_test(what_is_the_own_value_goes_and_no_value_takes_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
