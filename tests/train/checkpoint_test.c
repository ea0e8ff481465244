/* Which checkpoint a run goes on from, and which it keeps. */
#include "train/checkpoint/checkpoint.h"
#include "train/config/conflicts.h"
#include "train/step.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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
    OK(config_check(c, &e));
    c->model.vocab = 16;
    OK(trainer_create(t, c, NULL, &e));
}

/* What another run, another step or a bad disk put in a checkpoint's place is not trained on. */
static void only_what_this_run_wrote_is_gone_on_from(void **state) {
    (void)state;
    static const struct {
        const char *command, *says; /* on checkpoints 7 and 14 of this run, and 14 of another in other/ */
    } cases[] = {
        {"cp other/step-00000014/model.safetensors step-00000014/",
         "of run other after step 14, not of this run"},
        {"cp other/step-00000014/optimizer.safetensors step-00000014/",
         "of run other after step 14, not of this run"},
        {"cp step-00000007/optimizer.safetensors step-00000014/",
         "after step 7, not of this run after step 14"},
        {"rm -r step-00000014; mv step-00000007 step-00000014; cp -r keep-7 step-00000007",
         "after step 7, not of this run"},
        {"printf '\\001' | dd of=step-00000014/model.safetensors bs=1 conv=notrunc 2>/dev/null "
         "seek=$(($(stat -c %s step-00000014/model.safetensors) - 3))",
         "its checksum"},
        {"printf '\\001' | dd of=step-00000014/optimizer.safetensors bs=1 conv=notrunc 2>/dev/null "
         "seek=$(($(stat -c %s step-00000014/optimizer.safetensors) - 3))",
         "its checksum"},
    };
    Config c;
    Trainer t = {0};
    small_trainer(&c, &t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char folder[] = "/tmp/sinklab-checkpoint-XXXXXX", other[64], path[1024], command[512];
        Resumed got;
        assert_non_null(mkdtemp(folder));
        snprintf(other, sizeof other, "%s/other", folder);
        assert_int_equal(mkdir(other, 0777), 0);
        OK(checkpoint_save(other, 14, &c, &(Origin){"other", "", ""}, t.model, &t.optim, path, &e));
        for (int64_t at = 7; at <= 14; at += 7)
            OK(checkpoint_save(folder, at, &c, &(Origin){"key", "", ""}, t.model, &t.optim, path, &e));
        snprintf(command, sizeof command, "cd %s && cp -r step-00000007 keep-7 && %s", folder,
                 cases[i].command);
        assert_int_equal(system(command), 0);
        OK(checkpoint_resume(folder, "key", 14, t.model, &t.optim, &got, &e));
        assert_int_equal(got.step, 7);
        if (!strstr(got.passed.text, cases[i].says)) fail_msg("%s: %s", cases[i].command, got.passed.text);
        snprintf(command, sizeof command, "rm -rf %s", folder);
        assert_int_equal(system(command), 0);
    }
    trainer_free(&t);
}

/* A database that lost its rows leaves checkpoints that nothing leads up to: they are kept under another
 * name. */
static void a_checkpoint_without_rows_is_set_aside(void **state) {
    (void)state;
    char folder[] = "/tmp/sinklab-checkpoint-XXXXXX", path[1024], command[192];
    Config c;
    Trainer t = {0};
    Resumed got;
    small_trainer(&c, &t);
    assert_non_null(mkdtemp(folder));
    for (int64_t at = 7; at <= 14; at += 7)
        OK(checkpoint_save(folder, at, &c, &(Origin){"key", "", ""}, t.model, &t.optim, path, &e));
    OK(checkpoint_resume(folder, "key", 10, t.model, &t.optim, &got, &e));
    assert_int_equal(got.step, 7);
    assert_non_null(strstr(got.passed.text, "figures up to step 10 only (set aside as step-00000014.aside)"));
    OK(checkpoint_save(folder, 14, &c, &(Origin){"key", "", ""}, t.model, &t.optim, path, &e));
    OK(checkpoint_resume(folder, "key", 0, t.model, &t.optim, &got, &e));
    assert_int_equal(got.step, 0);
    snprintf(command, sizeof command,
             "cd %s && test \"$(ls | tr '\\n' ' ')\" = 'step-00000007.aside step-00000014.aside "
             "step-00000014.aside-2 '",
             folder);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    trainer_free(&t);
}

/* Folders name their entries in an order of their own: of several the newest must come out wherever it
 * stands, and a step that is before those there, as after going back, drives them out. */
static void the_newest_is_gone_on_from(void **state) {
    (void)state;
    static const struct {
        int64_t saved, newest, beside;
    } cases[] = {{7, 7, -1},      {20, 20, 7},     {140, 140, 20}, {132, 132, 20}, {160, 160, 132},
                 {180, 180, 160}, {200, 200, 180}, {9, 9, -1},     {220, 220, 9},  {800, 800, 220}};
    char folder[] = "/tmp/sinklab-checkpoint-XXXXXX", path[1024], command[192];
    Config c;
    Trainer t = {0};
    small_trainer(&c, &t);
    assert_non_null(mkdtemp(folder));
    Resumed at;
    OK(checkpoint_resume(folder, "key", 1000, t.model, &t.optim, &at, &e));
    assert_int_equal(at.step, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        t.model->params[0] = (float)cases[i].saved;
        OK(checkpoint_save(folder, cases[i].saved, &c, &(Origin){"key", "", ""}, t.model, &t.optim, path,
                           &e));
        OK(checkpoint_resume(folder, "key", 1000, t.model, &t.optim, &at, &e));
        assert_int_equal(at.passed.code, 0);
        assert_int_equal(at.step, cases[i].newest);
        assert_true(t.model->params[0] == (float)cases[i].newest);
        if (cases[i].beside < 0) continue;
        snprintf(command, sizeof command, "test -d %s/step-%08d && test $(ls %s | grep -vc aside) = 2",
                 folder, (int)cases[i].beside, folder);
        assert_int_equal(system(command), 0);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    trainer_free(&t);
}

/* Either file of a checkpoint may be the one that is cut off; where no other is left, that is told. */
static void a_damaged_one_is_passed_over(void **state) {
    (void)state;
    static const char *const files[] = {"model", "optimizer"};
    char folder[] = "/tmp/sinklab-checkpoint-XXXXXX", path[1024], file[1100], command[192];
    Config c;
    Trainer t = {0};
    small_trainer(&c, &t);
    assert_non_null(mkdtemp(folder));
    for (int i = 0; i < 2; i++) {
        Resumed got;
        Error e = {0};
        for (int64_t at = 7; at <= 14; at += 7) {
            t.model->params[0] = t.optim.arena[0][0] = (float)at;
            OK(checkpoint_save(folder, at, &c, &(Origin){"key", "", ""}, t.model, &t.optim, path, &e));
        }
        snprintf(file, sizeof file, "%s/%s.safetensors", path, files[i]);
        assert_int_equal(truncate(file, 100), 0);
        OK(checkpoint_resume(folder, "key", 14, t.model, &t.optim, &got, &e));
        assert_int_equal(got.step, 7);
        assert_true(t.model->params[0] == 7 && t.optim.arena[0][0] == 7);
        assert_non_null(strstr(got.passed.text, file));
        snprintf(command, sizeof command, "rm -r %s/step-00000007", folder);
        assert_int_equal(system(command), 0);
        assert_false(checkpoint_resume(folder, "key", 14, t.model, &t.optim, &got, &e));
        assert_non_null(strstr(e.text, file));
        assert_non_null(strstr(e.text, "--again"));
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
    trainer_free(&t);
}

/* ---- other versions, other data ---- */

typedef struct Saved {
    char folder[64], path[1024], file[1100];
} Saved;

static Saved save_small(void) {
    Saved s = {.folder = "/tmp/sinklab-checkpoint-XXXXXX"};
    Config c;
    Trainer t = {0};
    small_trainer(&c, &t);
    assert_non_null(mkdtemp(s.folder));
    OK(checkpoint_save(s.folder, 3, &c, &(Origin){"key", "text", "tokens"}, t.model, &t.optim, s.path, &e));
    snprintf(s.file, sizeof s.file, "%s/model.safetensors", s.path);
    trainer_free(&t);
    return s;
}

/* Metadata written over in place, so that it stays as long. */
static void spoil(const Saved *s, const char *script) {
    char command[4096];
    snprintf(command, sizeof command,
             "cp %s %s/as-it-was && LC_ALL=C sed -i '%s' %s && ! cmp -s %s %s/as-it-was", s->file, s->folder,
             script, s->file, s->file, s->folder);
    assert_int_equal(system(command), 0);
}

static void mend(const Saved *s) {
    char command[4096];
    snprintf(command, sizeof command, "mv %s/as-it-was %s", s->folder, s->file);
    assert_int_equal(system(command), 0);
}

static void remove_saved(const Saved *s) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", s->folder);
    assert_int_equal(system(command), 0);
}

static bool opens(const Saved *s, Error *e) {
    Config c;
    Model *m = NULL;
    int64_t step;
    bool ok = checkpoint_open(s->path, &c, &m, &step, e);
    if (ok) assert_int_equal(step, 3);
    model_free(m);
    return ok;
}

static void another_version_is_one_clear_line(void **state) {
    (void)state;
    static const struct {
        const char *script, *says;
    } cases[] = {
        {"s/\"sinklab_version\":\"1\"/\"sinklab_version\":\"2\"/", "made by a newer sinklab"},
        {"s/\"sinklab_version\":\"1\"/\"sinklab_version\":\"x\"/", "made by a newer sinklab"},
        {"s/\"numerics\":\"[0-9]\"/\"numerics\":\"9\"/", "made by a newer sinklab"},
        {"s/\\\\\"tie\\\\\":false,/              /", "lacks model.tie"},
        {"s/\\\\\"tie\\\\\":/\\\\\"tye\\\\\":/", "unknown key model.tye"},
        {"s/\\\\\"seed\\\\\":0/\\\\\"seed\\\\\":9/", "its checksum is not that of its contents"},
        {"s/sinklab_version/sinklab_versio_/", "no configuration of ours"},
    };
    Saved s = save_small();
    OK(opens(&s, &e));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Error e = {0};
        spoil(&s, cases[i].script);
        if (opens(&s, &e)) fail_msg("%s: is opened", cases[i].script);
        assert_int_equal(e.code, EXIT_USAGE);
        if (!strstr(e.text, cases[i].says)) fail_msg("\"%s\" is not in \"%s\"", cases[i].says, e.text);
        mend(&s);
    }
    remove_saved(&s);
}

static void assert_unfit(const Saved *s, const DatasetInfo *info, const char *says) {
    Error e = {0};
    assert_false(checkpoint_fits_data(s->path, info, &e));
    assert_int_equal(e.code, EXIT_USAGE);
    assert_non_null(strstr(e.text, says));
}

static void tokens_that_are_not_its_own_are_refused(void **state) {
    (void)state;
    DatasetInfo same = {.vocab = 16, .corpus_hash = "text", .tokenizer_hash = "tokens"}, other = same;
    Saved s = save_small();
    OK(checkpoint_fits_data(s.path, &same, &e));
    other.vocab = 17;
    assert_unfit(&s, &other, "16 tokens, but the data has 17");
    other = same;
    strcpy(other.tokenizer_hash, "others");
    assert_unfit(&s, &other, "another tokenizer");
    other = same;
    strcpy(other.corpus_hash, "other");
    OK(checkpoint_fits_data(s.path, &other, &e));
    Config c;
    const char *remark;
    config_defaults(&c);
    OK(checkpoint_remark(s.path, &c, &other, &remark, &e));
    assert_non_null(strstr(remark, "the text is not the one"));
    OK(checkpoint_remark(s.path, &c, &same, &remark, &e));
    assert_non_null(strstr(remark, "another version")); /* its key is none of ours */
    remove_saved(&s);
}

/* A run that took it for empty would begin anew. Here a file stands where the folder should. */
static void a_folder_that_cannot_be_read_is_no_empty_one(void **state) {
    (void)state;
    char file[] = "/tmp/sinklab-checkpoint-XXXXXX", path[1024];
    int64_t *steps, step;
    Config c;
    Trainer t = {0};
    Resumed from;
    Error e = {0};
    close(mkstemp(file));
    small_trainer(&c, &t);
    assert_false(checkpoint_resume(file, "key", 14, t.model, &t.optim, &from, &e));
    assert_int_equal(e.code, EXIT_FAILED);
    assert_non_null(strstr(e.text, "Not a directory"));
    assert_false(checkpoint_newest(file, &step, path, &e));
    unlink(file);
    assert_int_equal(checkpoint_steps(file, &steps, &e), 0);
    assert_true(checkpoint_resume(file, "key", 14, t.model, &t.optim, &from, &e));
    assert_int_equal(from.step, 0);
    trainer_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_is_gone_on_from),
        cmocka_unit_test(only_what_this_run_wrote_is_gone_on_from),
        cmocka_unit_test(a_checkpoint_without_rows_is_set_aside),
        cmocka_unit_test(a_damaged_one_is_passed_over),
        cmocka_unit_test(a_folder_that_cannot_be_read_is_no_empty_one),
        cmocka_unit_test(another_version_is_one_clear_line),
        cmocka_unit_test(tokens_that_are_not_its_own_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
