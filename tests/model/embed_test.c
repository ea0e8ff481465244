/* model/ops/embed.c: rows copied, gradients gathered over repeated tokens. */
#include "tests/model/support.h"

#include "data/base/rng.h"
#include "model/ops/ops.h"

typedef struct Shape {
    int N, d;
    int32_t token[100];
} Shape;

static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    for (int n = 0; n < s->N; n++)
        for (int i = 0; i < s->d; i++) out[n * s->d + i] = in[0][s->token[n] * s->d + i];
}

static void check(int N, int d, int V) {
    Shape s = {.N = N, .d = d};
    for (int n = 0; n < N; n++) s.token[n] = (int32_t)rng_below(1, RNG_TEST, 9, (uint64_t)n, (uint64_t)V);
    size_t n = (size_t)(N * d), m = (size_t)(V * d);
    OWNED float *E = normals(1, m, 1), *dx = normals(2, n, 1), *x = constants(n, 0), *dE = constants(m, 0.5f);
    const float *in[] = {E};
    Naive f = {&s, naive, 1, {m}, n};

    embed_forward(s.token, E, x, N, d);
    check_forward(&f, in, x, 0); /* a copy: exact */
    embed_backward(s.token, dx, dE, N, d);
    check_gradient(&f, in, dx, 0, dE, 0.5f, N);
}

static void embedding_follows_its_formula_in_every_shape(void **state) {
    (void)state;
    check(1, 1, 1);
    check(7, 17, 3); /* tokens repeat */
    check(33, 36, 41);
    check(100, 16, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(embedding_follows_its_formula_in_every_shape)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
