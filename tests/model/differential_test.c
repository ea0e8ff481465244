/* model/ops/differential.c: lambda from its vectors against the formula and its central differences; where it
 * and the heads' gain begin. The attention itself is attention_test.c's. */
#include "tests/model/support.h"

#include "model/ops/weight_functions.h"

#include <math.h>
#include <string.h>

enum { H = 3 };

typedef struct Shape {
    int layer, dk, n; /* n: heads of rows whose gradients come back */
} Shape;

static const Shape shapes[] = {{0, 1, 1}, {1, 6, 7}, {3, 17, 2}, {11, 64, 5}};

static void naive(const void *shape, const double *const *in, double *out) {
    const Shape *s = shape;
    double dot[2] = {0};
    for (int i = 0; i < 2 * s->dk; i++) dot[i / s->dk] += in[0][i] * in[1][i];
    *out = exp(dot[0]) - exp(dot[1]) + 0.8 - 0.6 * exp(-0.3 * ((s->layer + 1) - 1));
}

static void check(const Shape *s) {
    size_t n = (size_t)(2 * s->dk);
    OWNED float *q = normals(1, n, 0.3), *k = normals(2, n, 0.3), *g = normals(3, (size_t)s->n, 1);
    OWNED float *dq = constants(n, 0.5f), *dk = constants(n, 0.25f);
    const float *in[] = {q, k};
    float mix[H], dout = 0;
    Ctx c = {.layer = s->layer, .H = H, .dh = 2 * s->dk, .dk = s->dk, .w = {q, k}, .dw = {dq, dk}};
    Naive f = {s, naive, 2, {n, n}, 1};

    differential_mix(&c, mix);
    for (int h = 0; h < H; h++) check_forward(&f, in, &mix[h], s->dk + 8);
    differential_mix_backward(&c, g, s->n);
    for (int i = 0; i < s->n; i++) dout += g[i];
    check_gradient(&f, in, &dout, 0, dq, 0.5f, s->dk + s->n + 16);
    check_gradient(&f, in, &dout, 1, dk, 0.25f, s->dk + s->n + 16);
}

static void differential_attention_follows_its_formula_in_every_shape(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

/* The gain of the heads' norm begins at 1 - lambda_init, times model.head_out_scale. */
static void gains_begin_at_one_minus_lambda(void **state) {
    (void)state;
    ModelConfig c = small_config();
    Model *m = NULL;
    Error e = {0};
    c.attention = row_named(SLOT_ATTENTION, "differential");
    c.head_out = row_named(SLOT_HEAD_OUT, "rmsnorm");
    if (!model_create(&m, &c, true, &e)) fail_msg("%s", e.text);
    model_init(m, 1);
    const double want[] = {0.7 * 0.8, 0.7 * (0.2 + 0.6 * exp(-0.3))};
    for (int l = 0; l < 2; l++) {
        const Tensor *t = model_tensor(m, l, STAGE_HEAD_OUT, 0);
        for (int64_t i = 0; i < t->rows; i++)
            assert_true(fabs((double)m->params[t->offset + (size_t)i] - want[l]) < 1e-7);
    }
    model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differential_attention_follows_its_formula_in_every_shape),
        cmocka_unit_test(gains_begin_at_one_minus_lambda)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
