/* model/instruments/step_head.c on planted models: zero weights attend uniformly, tokens of one kind have one
 * value. */
#include "tests/model/support.h"

#include "model/kernels/gemm.h"
#include "train/config/conflicts.h"
#include "train/step.h"

#include <math.h>
#include <omp.h>

enum { T = 16, ROWS = 2, HEADS = 2 };

static Config config_with(const char *key, const char *text) {
    static const char *const small[][2] = {{"model.layers", "1"},    {"model.width", "16"},
                                           {"model.heads", "2"},     {"model.context", "16"},
                                           {"optim.warmup", "0"},    {"train.batch_tokens", "32"},
                                           {"data.mask", "document"}};
    Config c;
    Error e = {0};
    config_defaults(&c);
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        assert_true(config_set(&c, small[i][0], small[i][1], "test", &e));
    assert_true(config_set(&c, key, text, "test", &e));
    if (!config_check(&c, &e)) fail_msg("%s", e.text);
    c.model.vocab = 50;
    return c;
}

/* One step on rows whose second document, if `cut` is not 0, begins there; 7 stands at all places but the
 * documents' first. */
static void see(const char *key, const char *text, bool random, int first, int second, int cut, double *mass,
                double *ratio) {
    Config c = config_with(key, text);
    Trainer t;
    Error e = {0};
    assert_true(trainer_create(&t, &c, NULL, &e));
    if (random) model_init(t.model, 1);
    assert_true(trainer_enter(&t, 1, &e));
    for (int i = 0; i < ROWS * T; i++) {
        int at = i % T;
        t.rows.x[i] = !at ? first : cut && at == cut ? second : 7;
        t.rows.y[i] = 7;
        t.rows.doc_start[i] = cut && at >= cut ? cut : 0;
    }
    trainer_step(&t, 1);
    step_head_take(t.heads, mass, ratio);
    trainer_free(&t);
}

/* The mean of 1 / (q + 1) over the queries that see the first key of their document. */
static void uniform_attention_has_the_uniform_mass(void **state) {
    (void)state;
    static const struct {
        const char *window;
        int cut, seeing;
    } cases[] = {{"0", 0, 16}, {"16", 0, 16}, {"4", 0, 4}, {"4", 8, 4}, {"0", 8, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double mass[HEADS], ratio[HEADS], want = 0;
        for (int q = 0; q < cases[i].seeing; q++) want += 1.0 / (q + 1) / cases[i].seeing;
        see("model.window", cases[i].window, false, 7, 7, cases[i].cut, mass, ratio);
        for (int h = 0; h < HEADS; h++) assert_true(fabs(mass[h] - want) < 1e-6);
    }
}

static void ratios_are_means_over_the_first_tokens(void **state) {
    (void)state;
    double mass[HEADS], one[HEADS], other[HEADS], both[HEADS];
    see("model.window", "0", true, 3, 0, 0, mass, one);
    see("model.window", "0", true, 5, 0, 0, mass, other);
    see("model.window", "0", true, 3, 5, 8, mass, both);
    for (int h = 0; h < HEADS; h++) {
        assert_true(fabs(one[h] - other[h]) > 1e-3);
        assert_true(fabs(both[h] - 0.5 * (one[h] + other[h])) < 1e-6);
    }
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(uniform_attention_has_the_uniform_mass),
                                       cmocka_unit_test(ratios_are_means_over_the_first_tokens)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
