/* model/ops/mlp.c: every activation against their formulas and central differences. */
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

static double silu(double x) {
    return x / (1 + exp(-x));
}
static double gelu(double x) {
    return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
static double relu(double x) {
    return x > 0 ? x : 0;
}

static void gated(const Shape *s, const double *hid, double *out, double (*act)(double)) {
    for (int n = 0; n < s->N; n++)
        for (int i = 0; i < s->f; i++)
            out[n * s->f + i] = act(hid[2 * n * s->f + i]) * hid[(2 * n + 1) * s->f + i];
}
static void plain(const Shape *s, const double *hid, double *out, double (*act)(double)) {
    for (int i = 0; i < s->N * s->f; i++) out[i] = act(hid[i]);
}

static void naive_swiglu(const void *shape, const double *const *in, double *out) {
    gated(shape, in[0], out, silu);
}
static void naive_geglu(const void *shape, const double *const *in, double *out) {
    gated(shape, in[0], out, gelu);
}
static void naive_reglu(const void *shape, const double *const *in, double *out) {
    gated(shape, in[0], out, relu);
}
static void naive_gelu(const void *shape, const double *const *in, double *out) {
    plain(shape, in[0], out, gelu);
}
static void naive_relu(const void *shape, const double *const *in, double *out) {
    plain(shape, in[0], out, relu);
}

typedef struct Pair {
    void (*naive)(const void *shape, const double *const *in, double *out);
    void (*forward)(const float *hid, float *s, int64_t N, int f);
    void (*backward)(float *hid, const float *ds, float *s, int64_t N, int f);
    int parts;
} Pair;

/* Differences across ReLU's kink say nothing: inputs keep away from it by more than the stencil's reach. */
static void keep_from_zero(float *x, size_t n, double by) {
    for (size_t i = 0; i < n; i++)
        if (fabsf(x[i]) < by) x[i] = (float)by;
}

static void check(const Pair *p, const Shape *shape) {
    size_t n = (size_t)(shape->N * shape->f), m = n * (size_t)p->parts;
    OWNED float *hid = normals(1, m, shape->std), *dhid = constants(m, 0), *ds = normals(2, n, 1);
    OWNED float *s = constants(n, 0), *again = constants(n, 0);
    keep_from_zero(hid, m, 0.01 * shape->std);
    memcpy(dhid, hid, m * sizeof *hid);
    const float *in[] = {hid};
    Naive f = {shape, p->naive, 1, {m}, n};

    p->forward(hid, s, shape->N, shape->f);
    check_forward(&f, in, s, DEEP);
    p->backward(dhid, ds, again, shape->N, shape->f); /* hid in place to its gradient */
    check_gradient(&f, in, ds, 0, dhid, 0, DEEP);
    assert_memory_equal(s, again, n * sizeof *s);
}

static void test_against_formulas(void **state) {
    (void)state;
    const Pair pairs[] = {{naive_swiglu, swiglu_forward, swiglu_backward, 2},
                          {naive_geglu, geglu_forward, geglu_backward, 2},
                          {naive_reglu, reglu_forward, reglu_backward, 2},
                          {naive_gelu, gelu_forward, gelu_backward, 1},
                          {naive_relu, relu_forward, relu_backward, 1}};
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&pairs[p], &shapes[i]);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_formulas),
                                       cmocka_unit_test(test_far_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
