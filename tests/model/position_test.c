/* model/ops/position.c: rotation on halves and learned vectors, against the formula and its
 * central differences. */
#include "tests/model/support.h"

#include "model/ops/ops.h"

#include <math.h>
#include <string.h>

typedef struct Shape {
    int B, T, vectors, dh, ld; /* learned vectors: width ld */
} Shape;

static const Shape shapes[] = {
    {1, 1, 1, 2, 2}, {1, 7, 2, 4, 9}, {2, 33, 4, 12, 72}, {2, 100, 2, 6, 17}, {1, 64, 4, 64, 384}};

static void naive_rope(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    int half = s->dh / 2;
    memcpy(out, in[0], sizeof(double) * (size_t)(s->B * s->T * s->ld));
    for (int n = 0; n < s->B * s->T; n++)
        for (int h = 0; h < s->vectors; h++)
            for (int i = 0; i < half; i++) {
                size_t a = (size_t)(n * s->ld + h * s->dh + i), b = a + (size_t)half;
                double angle = (n % s->T) / pow(10000, 2.0 * i / s->dh), c = cos(angle), z = sin(angle);
                out[a] = c * in[0][a] - z * in[0][b];
                out[b] = z * in[0][a] + c * in[0][b];
            }
}

static void check_rope(const Shape *s) {
    size_t n = (size_t)(s->B * s->T * s->ld);
    OWNED float *x = normals(1, n, 1), *y = normals(1, n, 1), *dy = normals(2, n, 1), *dx = normals(2, n, 1);
    OWNED float *rotation = constants((size_t)(s->T * s->dh), 0);
    const float *in[] = {x};
    Naive f = {s, naive_rope, 1, {n}, n};

    rope_table(rotation, s->T, s->dh);
    rope_turn(y, s->ld, s->B, s->T, s->vectors, s->dh, rotation, 1);
    check_forward(&f, in, y, 3); /* cosine, product, difference */
    rope_turn(dx, s->ld, s->B, s->T, s->vectors, s->dh, rotation, -1);
    check_gradient(&f, in, dy, 0, dx, 0, 3);
}

static void rope_turns_as_its_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_rope(&shapes[i]);
}

static void naive_learned(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    for (int b = 0; b < s->B; b++)
        for (int i = 0; i < s->T * s->ld; i++)
            out[b * s->T * s->ld + i] = in[0][b * s->T * s->ld + i] + in[1][i];
}

static void check_learned(const Shape *s) {
    size_t n = (size_t)(s->B * s->T * s->ld), m = (size_t)(s->T * s->ld);
    OWNED float *x = normals(1, n, 1), *y = normals(1, n, 1), *P = normals(3, m, 1), *dy = normals(2, n, 1);
    OWNED float *dP = constants(m, 0.5f);
    const float *in[] = {x, P};
    Naive f = {s, naive_learned, 2, {n, m}, n};

    learned_forward(y, P, s->B, s->T, s->ld);
    check_forward(&f, in, y, 1);
    learned_backward(dy, dP, s->B, s->T, s->ld);
    check_gradient(&f, in, dy, 1, dP, 0.5f, s->B);
    check_gradient(&f, in, dy, 0, dy, 0, 1); /* what the model relies on: dx is dy */
}

static void learned_positions_follow_their_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_learned(&shapes[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rope_turns_as_its_formula_in_every_shape),
        cmocka_unit_test(learned_positions_follow_their_formula_in_every_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
