/* Which checkpoint a run goes on from, and which it keeps. */
#include "train/checkpoint.h"
#include "train/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OK(call)                                                                                             \
    do {                                                                                                     \
        Error e = {0};                                                                                       \
        if (!(call)) fail_msg("%s: %s", #call, e.text);                                                      \
    } while (0)

static void small_trainer(Config *c, Trainer *t) {
    static const char *const words[][2] = {{"model.layers", "1"},        {"model.width", "8"},
                                           {"model.heads", "1"},         {"model.context", "8"},
                                           {"train.batch_tokens", "16"}, {"train.steps", "900"}};
    config_defaults(c);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        OK(config_set(c, words[i][0], words[i][1], "test", &e));
    c->model.vocab = 16;
    OK(trainer_create(t, c, &e));
}

/* Folders name their entries in an order of their own: of several the newest must come out wherever it
 * stands, and a step that is before those there, as after going back, must not drive them out. */
static void the_newest_is_gone_on_from(void **state) {
    (void)state;
    static const struct {
        int64_t saved, newest, beside;
    } cases[] = {{7, 7, -1},      {20, 20, 7},     {140, 140, 20}, {132, 140, 132}, {160, 160, 140},
                 {180, 180, 160}, {200, 200, 180}, {9, 200, 180},  {220, 220, 200}, {800, 800, 220}};
    char folder[] = "/tmp/sinklab-checkpoint-XXXXXX", path[1024], command[192];
    Config c;
    Trainer t = {0};
    small_trainer(&c, &t);
    assert_non_null(mkdtemp(folder));
    int64_t step = -1;
    OK(checkpoint_resume(folder, t.model, &t.optim, &step, &e));
    assert_int_equal(step, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        t.model->params[0] = (float)cases[i].saved;
        OK(checkpoint_save(folder, cases[i].saved, &c, "key", t.model, &t.optim, path, &e));
        OK(checkpoint_resume(folder, t.model, &t.optim, &step, &e));
        assert_int_equal(step, cases[i].newest);
        assert_true(t.model->params[0] == (float)cases[i].newest);
        if (cases[i].beside < 0) continue;
        snprintf(command, sizeof command, "test -d %s/step-%08d && test $(ls %s | wc -l) = 2", folder,
                 (int)cases[i].beside, folder);
        assert_int_equal(system(command), 0);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    trainer_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_is_gone_on_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
