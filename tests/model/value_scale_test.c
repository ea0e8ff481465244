/* model/ops/value_scale.c against v' = s v and its central differences, in rows that hold more than the
 * values. */
#include "tests/model/support.h"

#include "model/ops/ops.h"
#include "model/ops/strips.h"

#include <string.h>

enum { SPARE = 4 };

typedef struct Shape {
    int B, T, KV, dh;
} Shape;

static const Shape shapes[] = {{1, 1, 1, 1}, {1, 7, 3, 17}, {2, 33, 2, 12}, {3, 100, 4, 5}};

static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    for (int i = 0; i < s->B * s->T * s->KV * s->dh; i++) out[i] = in[1][i / s->dh % s->KV] * in[0][i];
}

/* (N, width) to and from rows with spare columns, which must stay as they are. */
static void widen(float *to, const float *from, size_t N, size_t width) {
    for (size_t i = 0; i < N * (width + SPARE); i++) to[i] = 9;
    for (size_t n = 0; n < N; n++) memcpy(to + n * (width + SPARE), from + n * width, width * sizeof *to);
}

static void narrow(float *to, const float *from, size_t N, size_t width) {
    for (size_t n = 0; n < N; n++) {
        const float *row = from + n * (width + SPARE);
        memcpy(to + n * width, row, width * sizeof *to);
        for (int i = 0; i < SPARE; i++) assert_true(row[width + (size_t)i] == 9);
    }
}

static void check(const Shape *s) {
    size_t N = (size_t)(s->B * s->T), G = (size_t)s->KV, width = G * (size_t)s->dh, n = N * width;
    OWNED float *v = normals(1, n, 1), *scale = normals(2, G, 1), *dout = normals(3, n, 1),
                *out = constants(n, 0);
    OWNED float *row = constants(N * (width + SPARE), 0), *kept = constants(n, 9), *d = constants(n, 0);
    OWNED float *ds = constants(G, 0.5f), *partial = constants((size_t)strips_count(s->B, s->T) * G, 9);
    const float *in[] = {v, scale};
    Naive f = {s, naive, 2, {n, G}, n};
    Ctx c = {.B = s->B,
             .T = s->T,
             .N = (int64_t)N,
             .KV = s->KV,
             .dh = s->dh,
             .ld = (int64_t)(width + SPARE),
             .w = {scale},
             .dw = {ds},
             .partial = partial};
    widen(row, v, N, width);
    value_scale_forward(&c, row, kept);
    narrow(out, row, N, width);
    check_forward(&f, in, out, 2);
    assert_memory_equal(kept, v, n * sizeof *v);
    widen(row, dout, N, width);
    value_scale_backward(&c, kept, row);
    narrow(d, row, N, width);
    check_gradient(&f, in, dout, 0, d, 0, 4);
    check_gradient(&f, in, dout, 1, ds, 0.5f, s->dh + (int)N + 4);
}

static void value_scale_follows_its_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(value_scale_follows_its_formula_in_every_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
