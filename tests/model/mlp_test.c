/* model/ops/mlp.c: SwiGLU and GELU against their formulas and central differences. */
#include "tests/model/support.h"

#include "model/ops/mlp.h"

#include <math.h>
#include <string.h>

typedef struct Shape {
    int N, f;
    double std;
} Shape;

static const Shape shapes[] = {{1, 1, 1}, {7, 15, 1}, {33, 17, 2}, {2, 64, 1}, {100, 50, 4}};

/* Sigmoid's exponential is good to 2 ulp and comes before about ten more operations; an argument of
 * magnitude 16 enlarges its own rounding as often. */
enum { DEEP = 32 };

static void naive_swiglu(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    for (int n = 0; n < s->N; n++)
        for (int i = 0; i < s->f; i++) {
            double g = in[0][2 * n * s->f + i], u = in[0][(2 * n + 1) * s->f + i];
            out[n * s->f + i] = g / (1 + exp(-g)) * u;
        }
}

static void naive_gelu(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    for (int i = 0; i < s->N * s->f; i++) {
        double x = in[0][i];
        out[i] = 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
    }
}

typedef struct Pair {
    void (*naive)(const void *shape, const double *const *in, double *out);
    void (*forward)(const float *hid, float *s, int64_t N, int f);
    void (*backward)(float *hid, const float *ds, float *s, int64_t N, int f);
    int parts;
} Pair;

static void check(const Pair *p, const Shape *shape) {
    size_t n = (size_t)(shape->N * shape->f), m = n * (size_t)p->parts;
    OWNED float *hid = normals(1, m, shape->std), *dhid = normals(1, m, shape->std), *ds = normals(2, n, 1);
    OWNED float *s = constants(n, 0), *again = constants(n, 0);
    const float *in[] = {hid};
    Naive f = {shape, p->naive, 1, {m}, n};

    p->forward(hid, s, shape->N, shape->f);
    check_forward(&f, in, s, DEEP);
    p->backward(dhid, ds, again, shape->N, shape->f); /* hid in place to its gradient */
    check_gradient(&f, in, ds, 0, dhid, 0, DEEP);
    assert_memory_equal(s, again, n * sizeof *s);
}

static void test_swiglu(void **state) {
    (void)state;
    const Pair pair = {naive_swiglu, swiglu_forward, swiglu_backward, 2};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&pair, &shapes[i]);
}

static void test_gelu(void **state) {
    (void)state;
    const Pair pair = {naive_gelu, gelu_forward, gelu_backward, 1};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&pair, &shapes[i]);
}

/* Where the exponential leaves its range both are 0 or the identity, and so are their slopes. */
static void test_far_out(void **state) {
    (void)state;
    float far[] = {-200, 200, -1e5f, 1e5f}, s[4], slope[4], ones[] = {1, 1, 1, 1};
    memcpy(slope, far, sizeof far);
    gelu_forward(far, s, 1, 4);
    gelu_backward(slope, ones, s, 1, 4);
    for (int i = 0; i < 4; i++) {
        assert_true(s[i] == (far[i] > 0 ? far[i] : 0));
        assert_true(slope[i] == (far[i] > 0));
    }
    float gate_up[] = {-200, 200, -1e5f, 1e5f, 1, 1, 1, 1};
    swiglu_forward(gate_up, s, 1, 4);
    swiglu_backward(gate_up, ones, s, 1, 4);
    for (int i = 0; i < 4; i++) {
        assert_true(s[i] == (far[i] > 0 ? far[i] : 0));
        assert_true(gate_up[i] == (far[i] > 0) && gate_up[4 + i] == s[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_swiglu), cmocka_unit_test(test_gelu),
                                       cmocka_unit_test(test_far_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
