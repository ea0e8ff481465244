/* model/ops/mlp.h: every feed-forward kind against its formula and central differences. */
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

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}
static double gelu_exact(double x) {
    return x * 0.5 * erfc(-x / sqrt(2));
}
static double relu2(double x) {
    return x > 0 ? x * x : 0;
}

/* Every kind's activation, in double. */
static const struct {
    const char *kind;
    double (*act)(double x);
} formulas[] = {
    {"swiglu", silu}, {"geglu", gelu},          {"reglu", relu},  {"gelu", gelu},
    {"relu", relu},   {"sigmoid_glu", sigmoid}, {"relu2", relu2}, {"gelu_exact", gelu_exact},
};

typedef struct Case {
    Shape s;
    int parts;
    double (*act)(double x);
} Case;

static void naive(const void *shape, const double *const *in, double *out) {
    const Case *k = shape;
    for (int n = 0; n < k->s.N; n++)
        for (int i = 0; i < k->s.f; i++) {
            const double *hid = in[0] + k->parts * n * k->s.f + i;
            out[n * k->s.f + i] = k->act(hid[0]) * (k->parts == 2 ? hid[k->s.f] : 1);
        }
}

/* Differences across ReLU's kink say nothing: inputs keep away from it by more than the stencil's reach. */
static void keep_from_zero(float *x, size_t n, double by) {
    for (size_t i = 0; i < n; i++)
        if (fabsf(x[i]) < by) x[i] = (float)by;
}

static void check(const MlpSlot *slot, const Case *k) {
    size_t n = (size_t)(k->s.N * k->s.f), m = n * (size_t)slot->parts;
    OWNED float *hid = normals(1, m, k->s.std), *dhid = constants(m, 0), *ds = normals(2, n, 1);
    OWNED float *s = constants(n, 0), *again = constants(n, 0);
    keep_from_zero(hid, m, 0.01 * k->s.std);
    memcpy(dhid, hid, m * sizeof *hid);
    const float *in[] = {hid};
    Naive f = {k, naive, 1, {m}, n};
    Ctx c = {.N = k->s.N, .f = k->s.f};

    check_row(slot->head.name);
    slot->forward(&c, hid, s);
    check_forward(&f, in, s, DEEP);
    slot->backward(&c, dhid, ds, again); /* hid in place to its gradient */
    check_gradient(&f, in, ds, 0, dhid, 0, DEEP);
    check_row(NULL);
    assert_memory_equal(s, again, n * sizeof *s);
}

static void every_kind_follows_its_formula(void **state) {
    (void)state;
    enum { KNOWN = sizeof formulas / sizeof *formulas };
    for (const MlpSlot *slot = mlp_slots; slot->head.name; slot++) {
        size_t k = 0;
        while (k < KNOWN && strcmp(formulas[k].kind, slot->head.name)) k++;
        if (k == KNOWN) fail_msg("%s: has no formula here", slot->head.name);
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            check(slot, &(Case){shapes[i], slot->parts, formulas[k].act});
    }
}

/* Where the exponential leaves its range both are 0 or the identity, and so are their slopes. */
static void activations_far_out_are_zero_or_the_identity(void **state) {
    (void)state;
    float far[] = {-200, 200, -1e5f, 1e5f}, s[4], slope[4], ones[] = {1, 1, 1, 1};
    memcpy(slope, far, sizeof far);
    Ctx c = {.N = 1, .f = 4};
    gelu_forward(&c, far, s);
    gelu_backward(&c, slope, ones, s);
    for (int i = 0; i < 4; i++) {
        assert_true(s[i] == (far[i] > 0 ? far[i] : 0));
        assert_true(slope[i] == (far[i] > 0));
    }
    float gate_up[] = {-200, 200, -1e5f, 1e5f, 1, 1, 1, 1};
    swiglu_forward(&c, gate_up, s);
    swiglu_backward(&c, gate_up, ones, s);
    for (int i = 0; i < 4; i++) {
        assert_true(s[i] == (far[i] > 0 ? far[i] : 0));
        assert_true(gate_up[i] == (far[i] > 0) && gate_up[4 + i] == s[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_kind_follows_its_formula),
                                       cmocka_unit_test(activations_far_out_are_zero_or_the_identity)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
