/* model/ops/cross_entropy.c against the formula and its central differences, and at the edges. */
#include "tests/model/support.h"

#include "data/base/rng.h"
#include "model/ops/ops.h"

#include <math.h>
#include <string.h>

typedef struct Shape {
    int N, V;
    int32_t target[40];
} Shape;

static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    const double *x = in[0];
    for (int n = 0; n < s->N; n++, x += s->V) {
        double max = x[0], sum = 0;
        for (int i = 1; i < s->V; i++) max = fmax(max, x[i]);
        for (int i = 0; i < s->V; i++) sum += exp(x[i] - max);
        out[n] = s->target[n] < 0 ? 0 : max + log(sum) - x[s->target[n]];
    }
}

static void check(int N, int V, double std) {
    Shape s = {.N = N, .V = V};
    for (int n = 0; n < N; n++)
        s.target[n] = n % 5 == 3 ? -1 : (int32_t)rng_below(1, RNG_TEST, 9, (uint64_t)n, (uint64_t)V);
    size_t n = (size_t)(N * V);
    const float scale = 0.125f;
    OWNED float *logits = normals(1, n, std), *dlogits = normals(1, n, std);
    OWNED float *loss = constants((size_t)N, 9), *dout = constants((size_t)N, scale);
    const float *in[] = {logits};
    Naive f = {&s, naive, 1, {n}, (size_t)N};

    cross_entropy(dlogits, V, s.target, loss, N, V, scale);
    /* Sums run in VW lanes: V / 4 deep at most. A logit of magnitude 16 loses four bits in x - max. */
    check_forward(&f, in, loss, V / 4 + 16);
    check_gradient(&f, in, dout, 0, dlogits, 0, V / 4 + 32);
    for (int k = 0; k < N; k++)
        for (int i = 0; i < V; i++)
            if (s.target[k] < 0) assert_true(dlogits[k * V + i] == 0);
}

static void cross_entropy_follows_its_formula_in_every_shape(void **state) {
    (void)state;
    const int sizes[] = {2, 5, 15, 16, 17, 97, 515};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        check(1, sizes[i], 1);
        check(33, sizes[i], 4);
    }
}

/* Rows further apart than V: the same bits, and what lies between them is left. */
static void rows_further_apart_have_the_same_bits(void **state) {
    (void)state;
    enum { N = 5, V = 37, LD = 48 };
    const int32_t target[N] = {3, -1, 0, 36, 17};
    OWNED float *close = normals(1, N * V, 2), *apart = constants(N * LD, 7);
    float loss[2][N];
    for (int n = 0; n < N; n++) memcpy(apart + n * LD, close + n * V, V * sizeof *close);
    cross_entropy(close, V, target, loss[0], N, V, 0.5f);
    cross_entropy(apart, LD, target, loss[1], N, V, 0.5f);
    assert_memory_equal(loss[0], loss[1], sizeof *loss);
    for (int n = 0; n < N; n++) {
        assert_memory_equal(apart + n * LD, close + n * V, V * sizeof *close);
        for (int i = V; i < LD; i++) assert_true(apart[n * LD + i] == 7);
    }
}

static void a_vocabulary_of_one_has_no_loss(void **state) {
    (void)state;
    float logit = 3, loss = 9;
    cross_entropy(&logit, 1, &(int32_t){0}, &loss, 1, 1, 1);
    assert_true(loss == 0 && logit == 0);
}

static void huge_logits_stay_finite(void **state) {
    (void)state;
    float x[] = {1e4f, -1e4f, 0, 3e38f, 0, -3e38f, -50, -50, -50}, loss[3];
    const int32_t target[] = {1, 0, 2};
    cross_entropy(x, 3, target, loss, 3, 3, 1);
    assert_true(loss[0] == 2e4f && x[0] == 1 && x[1] == -1 && x[2] == 0);
    assert_true(loss[1] == 0 && x[3] == 0 && x[4] == 0 && x[5] == 0);
    assert_true(fabsf(loss[2] - logf(3)) < 8e-6f); /* two roundings at 50 */
}

/* A diverged run must show: one bad logit, wherever it is, makes the loss NaN. */
static void one_bad_logit_makes_the_loss_nan(void **state) {
    (void)state;
    enum { V = 37 };
    for (int bad = 0; bad < V; bad++)
        for (int kind = 0; kind < 2; kind++) {
            OWNED float *x = normals(1, V, 1);
            float loss = 0;
            x[bad] = kind ? INFINITY : NAN;
            cross_entropy(x, V, &(int32_t){5}, &loss, 1, V, 1);
            assert_true(isnan(loss));
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cross_entropy_follows_its_formula_in_every_shape),
                                       cmocka_unit_test(rows_further_apart_have_the_same_bits),
                                       cmocka_unit_test(a_vocabulary_of_one_has_no_loss),
                                       cmocka_unit_test(huge_logits_stay_finite),
                                       cmocka_unit_test(one_bad_logit_makes_the_loss_nan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
