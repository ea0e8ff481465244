/* train/context_schedule.c and what train/step.c does with it: stages, refusals; a schedule of one stage, and
 * other keys that do nothing, are the plain run bit for bit; rows grow while the tokens of a step stay. */
#include "tests/model/support.h"

#include "data/base/rng.h"
#include "model/kernels/gemm.h"
#include "train/config/conflicts.h"
#include "train/context_schedule.h"
#include "train/step.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 128, STEPS = 4 };

static Config config_with(const char *key, const char *text) {
    static const char *const small[][2] = {{"model.layers", "2"},   {"model.width", "24"},
                                           {"model.context", "16"}, {"train.batch_tokens", "128"},
                                           {"train.steps", "4"},    {"optim.warmup", "0"}};
    Config c;
    Error e = {0};
    config_defaults(&c);
    for (size_t i = 0; i < sizeof small / sizeof *small; i++)
        assert_true(config_set(&c, small[i][0], small[i][1], "test", &e));
    if (key && !config_set(&c, key, text, "test", &e)) fail_msg("%s", e.text);
    return c;
}

static Config checked(const char *key, const char *text) {
    Config c = config_with(key, text);
    Error e = {0};
    if (!config_check(&c, &e)) fail_msg("%s", e.text);
    c.model.vocab = 50;
    return c;
}

static void a_schedule_has_its_context_at_each_step(void **state) {
    (void)state;
    Config c = checked("train.context_schedule", "0:4, 2:8,3:16");
    const int want[] = {4, 4, 8, 16, 16};
    assert_int_equal(contexts_count(&c), 3);
    for (int step = 1; step <= 5; step++) assert_int_equal(contexts_at(&c, step), want[step - 1]);
    c = checked("train.context_schedule", "[0:4, 2:16]");
    assert_int_equal(contexts_count(&c), 2);
    assert_int_equal(contexts_at(&c, 3), 16);
    c = checked(NULL, NULL);
    assert_int_equal(contexts_count(&c), 1);
    assert_int_equal(contexts_at(&c, 1), 16);
}

static void a_schedule_that_cannot_be_is_refused(void **state) {
    (void)state;
    static const char *const bad[][2] = {{"train.context_schedule", "nonsense"},
                                         {"train.context_schedule", "0:8 1:16 x"},
                                         {"train.context_schedule", "1:16"},
                                         {"train.context_schedule", "0:16, 2:8"},
                                         {"train.context_schedule", "0:8, 0:16"},
                                         {"train.context_schedule", "0:6, 2:16"},
                                         {"train.context_schedule", "0:8"},
                                         {"train.loss_from", "16"},
                                         {"train.sink_target", "0.5"},
                                         {"model.prefix", "3"}, /* train.loss_from is 0 */
                                         {"data.fixed_token_at", "16"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Config c = config_with(bad[i][0], bad[i][1]);
        Error e = {0};
        if (config_check(&c, &e)) fail_msg("%s: %s is not refused", bad[i][0], bad[i][1]);
        assert_int_equal(e.code, EXIT_USAGE);
        assert_true(!strncmp(e.text, bad[i][0], strlen(bad[i][0])));
    }
}

/* A few steps on tokens that are a function of (step, place in the stream). */
static Trainer trained(const Config *c) {
    Trainer t;
    Error e = {0};
    if (!trainer_create(&t, c, NULL, &e)) fail_msg("%s", e.text);
    model_init(t.model, 1);
    for (int step = 1; step <= STEPS; step++) {
        assert_true(trainer_enter(&t, step, &e));
        assert_int_equal(t.T * t.rows_per_step, TOKENS);
        for (int i = 0; i < TOKENS; i++) {
            t.rows.x[i] = (int32_t)rng_below(1, RNG_TEST, (uint64_t)step, (uint64_t)i, 50);
            t.rows.y[i] = (int32_t)rng_below(1, RNG_TEST, (uint64_t)step, (uint64_t)i + 1, 50);
            t.rows.doc_start[i] = 0;
        }
        trainer_step(&t, step);
    }
    return t;
}

static bool same_weights(const Config *a, const Config *b) {
    Trainer s = trained(a), t = trained(b);
    size_t n = s.model->arena;
    bool same = n == t.model->arena && !memcmp(s.model->params, t.model->params, n * sizeof(float));
    trainer_free(&s);
    trainer_free(&t);
    return same;
}

static void keys_set_to_do_nothing_train_the_same_weights(void **state) {
    (void)state;
    static const char *const keys[][3] = {/* set so that it does nothing, and something */
                                          {"train.context_schedule", "0:16", "0:8, 2:16"},
                                          {"train.loss_from", "0", "3"},
                                          {"train.sink_penalty", "0", "1"},
                                          {"model.window", "16", "8"},
                                          {"model.kv_heads", "2", "1"},
                                          {"model.value_residual", "0", "0.5"},
                                          {"train.micro_rows", "8", NULL}};
    Config plain = checked(NULL, NULL);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        Config off = checked(keys[i][0], keys[i][1]);
        assert_true(same_weights(&plain, &off));
        if (!keys[i][2]) continue;
        Config on = checked(keys[i][0], keys[i][2]);
        assert_false(same_weights(&plain, &on));
    }
}

int main(void) {
    gemm_start();
    omp_set_num_threads(1); /* tiny products: threads would only wait for each other */
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_schedule_has_its_context_at_each_step),
                                       cmocka_unit_test(a_schedule_that_cannot_be_is_refused),
                                       cmocka_unit_test(keys_set_to_do_nothing_train_the_same_weights)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
