/* model/ops/gate.c against y = o sigma(a) and its central differences, with one gate a float of o, one a head
 * and groups between; a gate at zero halves. */
#include "tests/model/support.h"

#include "model/ops/ops.h"

#include <math.h>
#include <string.h>

typedef struct Shape {
    int N, H, dh, gates;
    double std; /* of a: at 30 most gates are shut or wide open */
} Shape;

static const Shape shapes[] = {{1, 1, 1, 1, 1},   {7, 3, 17, 17, 1}, {33, 2, 12, 1, 3},  {5, 3, 12, 4, 1},
                               {70, 1, 5, 5, 30}, {13, 5, 7, 1, 30}, {3, 4, 16, 16, 0.1}};

static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    int span = s->dh / s->gates;
    for (int i = 0; i < s->N * s->H * s->dh; i++) out[i] = in[0][i] / (1 + exp(-in[1][i / span]));
}

static void check(const Shape *s) {
    size_t n = (size_t)(s->N * s->H * s->dh), gates = (size_t)(s->N * s->H * s->gates);
    OWNED float *o = normals(1, n, 1), *a = normals(2, gates, s->std), *dy = normals(3, n, 1);
    OWNED float *g = constants(gates, 0), *y = constants(n, 9), *d = constants(n, 0);
    const float *in[] = {o, a};
    Naive f = {s, naive, 2, {n, gates}, n};

    memcpy(g, a, gates * sizeof *g); /* the op works in place */
    gate_open(g, (int64_t)gates);
    gate_forward(o, g, y, s->N, s->H, s->dh, s->gates);
    check_forward(&f, in, y, 8); /* an exponential, a sum, a quotient, a product */
    memcpy(d, dy, n * sizeof *d);
    gate_backward(o, g, d, s->N, s->H, s->dh, s->gates);
    check_gradient(&f, in, dy, 0, d, 0, 8);
    check_gradient(&f, in, dy, 1, g, 0, s->dh / s->gates + 16);
}

static void gates_follow_their_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

/* In place, and exact: sigma(0) is a half and halving rounds nothing. */
static void a_gate_of_zero_halves_to_the_bit(void **state) {
    (void)state;
    enum { N = 9, H = 3, DH = 7, ALL = N * H * DH };
    OWNED float *o = normals(1, ALL, 1), *was = normals(1, ALL, 1), *g = constants(ALL, 0);
    gate_open(g, ALL);
    gate_forward(o, g, o, N, H, DH, DH);
    for (int i = 0; i < ALL; i++) assert_true(o[i] == 0.5f * was[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gates_follow_their_formula_in_every_shape),
                                       cmocka_unit_test(a_gate_of_zero_halves_to_the_bit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
