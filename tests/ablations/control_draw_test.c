/* ablations/probe/control_draw.c: who is drawn as the control of whom, from planted weights, and what is
 * refused. */
#include "tests/model/support.h"

#include "ablations/probe/control_draw.h"

#include <string.h>

enum { T = 12, N = 4, WIDER = 4 };

static Model *planted(void) {
    ModelConfig c = small_config();
    Model *m = NULL;
    c.bias = true;
    assert_true(model_create(&m, &c, true, NULL));
    for (int l = 0; l < c.layers;
         l++) { /* unit u's column of W_down and channel i's row have one entry each */
        float *down = m->params + model_find(m, l ? "model.layers.1.mlp.down_proj.weight"
                                                  : "model.layers.0.mlp.down_proj.weight")
                                      ->offset;
        for (int u = 0; u < c.mlp_width; u++) down[u * c.mlp_width + u] = (float)(l ? u : c.mlp_width - u);
    }
    return m;
}

/* The controls of a text; n as the text has it. */
static int drawn(const Model *m, const char *text, Intervention out[N]) {
    Control c;
    Error e = {0};
    char of[LIST_TEXT];
    if (!control_read(m, text, T, 7, &c, of, &e)) fail_msg("%s", e.text);
    assert_true(c.n <= N && control_draw(&c, m, T, out));
    return c.n;
}

/* All different, none of them the thing itself, each within `reach` of it. */
static void assert_others(const Intervention *x, int n, Arg arg, int own, int reach) {
    for (int i = 0; i < n; i++) {
        int at = (int)x[i].arg[arg];
        assert_true(at != own && at >= own - reach && at <= own + reach);
        for (int k = 0; k < i; k++) assert_true((int)x[k].arg[arg] != at);
    }
}

/* Sizes rise with the number, so that the nearest in size are the neighbours. */
static void controls_are_others_of_the_nearest_sizes(void **state) {
    (void)state;
    Model *m = planted();
    Intervention x[N], again[N], other[N];
    for (int layer = 0; layer < 2; layer++) {
        char text[LIST_TEXT];
        snprintf(text, sizeof text, "random(of=unit_off(%d, 10), n=2)", layer);
        assert_int_equal(drawn(m, text, x), 2);
        assert_others(x, 2, ARG_UNIT, 10, WIDER * 2 / 2); /* eight nearest: four on each side */
        assert_int_equal(x[0].arg[ARG_LAYER], layer);
        assert_int_equal(drawn(m, text, again), 2);
        assert_memory_equal(x, again, 2 * sizeof *x);
    }
    int differ = 0;
    for (int seed = 0; seed < 8; seed++) {
        char text[LIST_TEXT];
        snprintf(text, sizeof text, "random(of=unit_off(1, 10), n=2, seed=%d)", seed);
        drawn(m, text, other);
        differ += memcmp(x, other, sizeof *x * 2) != 0;
    }
    assert_true(differ > 2);
    assert_int_equal(drawn(m, "random(of=channel_off(1, 10, mean), n=2)", x), 2);
    assert_others(x, 2, ARG_CHANNEL, 10, WIDER * 2 / 2);
    assert_int_equal(x[0].arg[ARG_TO], TO_MEAN);
    assert_int_equal(drawn(m, "random(of=weight_off(1, 10, 10), n=1)", x), 1);
    assert_int_equal(x[0].arg[ARG_ROW], x[0].arg[ARG_COL]); /* the nearest four lie on the diagonal */
    assert_others(x, 1, ARG_ROW, 10, 2);
    model_free(m);
}

static void positions_and_layers_are_all_alike(void **state) {
    (void)state;
    Model *m = planted();
    Intervention x[N];
    assert_int_equal(drawn(m, "random(of=value_zero(0), n=4)", x), 4);
    assert_others(x, 4, ARG_POS, 0, T - 1);
    assert_int_equal(drawn(m, "random(of=logit_bias(3, -inf), n=3)", x), 3);
    assert_others(x, 3, ARG_POS, 3, T - 1);
    assert_true(x[0].arg[ARG_B] < -1e300);
    assert_int_equal(drawn(m, "random(of=bias_off(q, 1), n=1)", x), 1);
    assert_int_equal(x[0].arg[ARG_LAYER], 0);
    assert_int_equal(drawn(m, "random(of=unit_off(0, 1), n=0)", x), 0);
    model_free(m);
}

static void a_control_that_cannot_be_is_refused(void **state) {
    (void)state;
    static const char *const bad[][2] = {{"random(n=3)", "of= is missing"},
                                         {"random(of=unit_off(0, 1)", "the parenthesis does not close"},
                                         {"random(of=unit_off(0, 1), n=22)", "there are 21 others, not 22"},
                                         {"random(of=value_zero(0))", "there are 11 others, not 20"},
                                         {"random(of=unit_off(0, 1), n=1.5)", "n is 0 to 1000"},
                                         {"random(of=unit_off(0, 1), seed=-1)", "seed is a whole number"},
                                         {"random(of=unit_off(0, 1), m=2)", "random takes"},
                                         {"random(of=head_off(0, 1))", "head_off has no others to draw from"},
                                         {"random(of=bias_off(q), n=1)", "(give layer=)"},
                                         {"random(of=unit_off(0, 99))", "unit 99 is not there"}};
    Model *m = planted();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Control c;
        Error e = {0};
        char of[LIST_TEXT];
        if (control_read(m, bad[i][0], T, 0, &c, of, &e)) fail_msg("%s is not refused", bad[i][0]);
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, bad[i][1])) fail_msg("\"%s\" is not in \"%s\"", bad[i][1], e.text);
    }
    model_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(controls_are_others_of_the_nearest_sizes),
                                       cmocka_unit_test(positions_and_layers_are_all_alike),
                                       cmocka_unit_test(a_control_that_cannot_be_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
