/* model/ops/value_residual.c through three blocks, against v_l <- (1 - mix) v_l + mix v_0 and its central
 * differences, in rows that hold more than the values; a mix of 0 changes no bit. */
#include "tests/model/support.h"

#include "model/ops/ops.h"

#include <string.h>

enum { LAYERS = 3, SPARE = 4 };

typedef struct Shape {
    int N, width;
    float mix;
} Shape;

static const Shape shapes[] = {{1, 1, 0.5f}, {7, 17, 0.5f}, {33, 12, 0.3f}, {5, 3, 1}, {70, 9, 0}};

static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    double mix = (double)s->mix;
    int n = s->N * s->width;
    for (int i = 0; i < LAYERS * n; i++) {
        double own = in[i / n][i % n], first = in[0][i % n];
        out[i] = i < n ? own : (1 - mix) * own + mix * first;
    }
}

/* (N, width) to and from rows with spare columns, which must stay as they are. */
static void widen(float *to, const float *from, const Shape *s) {
    for (int i = 0; i < s->N * (s->width + SPARE); i++) to[i] = 9;
    for (int n = 0; n < s->N; n++)
        memcpy(to + n * (s->width + SPARE), from + n * s->width, (size_t)s->width * sizeof *to);
}

static void narrow(float *to, const float *from, const Shape *s) {
    for (int n = 0; n < s->N; n++) {
        const float *row = from + n * (s->width + SPARE);
        memcpy(to + n * s->width, row, (size_t)s->width * sizeof *to);
        for (int i = 0; i < SPARE; i++) assert_true(row[s->width + i] == 9);
    }
}

static void check(const Shape *s) {
    size_t n = (size_t)(s->N * s->width), wide = (size_t)(s->N * (s->width + SPARE));
    OWNED float *v = normals(1, LAYERS * n, 1), *dv = normals(2, LAYERS * n, 1),
                *out = constants(LAYERS * n, 0);
    OWNED float *d = constants(LAYERS * n, 0), *row = constants(wide, 0);
    OWNED float *first = constants(n, 9), *dfirst = constants(n, 9);
    const float *in[] = {v, v + n, v + 2 * n};
    Naive f = {s, naive, LAYERS, {n, n, n}, LAYERS * n};

    for (int l = 0; l < LAYERS; l++) {
        widen(row, in[l], s);
        value_residual_forward(l, row, s->width + SPARE, first, s->N, s->width, s->mix);
        narrow(out + (size_t)l * n, row, s);
    }
    check_forward(&f, in, out, 4);
    if (s->mix == 0) assert_memory_equal(out, v, LAYERS * n * sizeof *v);
    for (int l = LAYERS; l-- > 0;) {
        widen(row, dv + (size_t)l * n, s);
        value_residual_backward(l, LAYERS - 1, row, s->width + SPARE, dfirst, s->N, s->width, s->mix);
        narrow(d + (size_t)l * n, row, s);
    }
    for (int l = 0; l < LAYERS; l++)
        if (s->mix < 1 || !l) check_gradient(&f, in, dv, l, d + (size_t)l * n, 0, 4 + LAYERS);
}

static void value_residual_follows_its_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(value_residual_follows_its_formula_in_every_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
