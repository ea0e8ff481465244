/* ./sinklab probe as its user sees it: a small model's checkpoint asked everything, before and after
 * interventions, on its own and on the user's text; what is refused; and the numbers that are known. */
#include "data/base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { OUTPUT = 1 << 18 };

typedef struct Place {
    char folder[64], *out;
} Place;

static void write_text(const char *path, int words) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int i = 0; i < words; i++)
        fprintf(f, "w%d%c", (int)rng_below(1, RNG_TEST, 0, (uint64_t)i, 7), i % 11 == 10 ? '\n' : ' ');
    fclose(f);
}

/* Runs a shell command; its standard output, then its errors, into p->out. Returns the exit code. */
static int run(Place *p, const char *format, ...) {
    char command[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(command, sizeof command, format, args);
    va_end(args);
    snprintf(command + n, sizeof command - (size_t)n, " 2>&1");
    FILE *f = popen(command, "r");
    assert_non_null(f);
    p->out[fread(p->out, 1, OUTPUT - 1, f)] = 0;
    return WEXITSTATUS(pclose(f));
}

static int probe(Place *p, const char *options) {
    return run(p, "./sinklab probe $(ls -d %s/a.db.d/*/step-*) --cache %s/cache %s", p->folder, p->folder,
               options);
}

/* A training run into NAME.db, further words at its end. */
static int train(Place *p, const char *name, const char *source, const char *more) {
    return run(p,
               "./sinklab train configs/demo.yaml --quiet --db %s/%s.db --cache %s/cache data.source=%s "
               "model.layers=2 model.width=32 model.context=16 train.steps=8 train.batch_tokens=256 "
               "optim.warmup=1 probe.sequences=20 run.checkpoint_every=8 run.threads=1 %s",
               p->folder, name, p->folder, source, more);
}

static int setup(void **state) {
    char path[96];
    Place *p = calloc(1, sizeof *p);
    p->out = malloc(OUTPUT);
    snprintf(p->folder, sizeof p->folder, "/tmp/sinklab-probe-XXXXXX");
    if (!mkdtemp(p->folder)) return -1;
    snprintf(path, sizeof path, "%s/text.txt", p->folder);
    write_text(path, 30000);
    *state = p;
    return train(p, "a", path, "data.tokenizer=bytes");
}

static int teardown(void **state) {
    Place *p = *state;
    int code = run(p, "rm -rf %s", p->folder);
    free(p->out);
    free(p);
    return code;
}

static void assert_shows(const Place *p, const char *text) {
    if (!strstr(p->out, text)) fail_msg("\"%s\" is not in:\n%s", text, p->out);
}

/* A figure of the JSON just printed, by its path. */
static double json_figure(const Place *p, const char *path) {
    sqlite3 *db;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT json_extract(?, ?)", -1, &s, NULL), SQLITE_OK);
    sqlite3_bind_text(s, 1, p->out, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 2, path, -1, SQLITE_STATIC);
    if (sqlite3_step(s) != SQLITE_ROW) fail_msg("%s: %s", path, sqlite3_errmsg(db));
    double x = sqlite3_column_type(s, 0) == SQLITE_NULL ? NAN : sqlite3_column_double(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return x;
}

static void assert_answer(Place *p, const char *name, const char *sql, const char *answer) {
    int code = run(p, "sqlite3 %s/%s.db \"%s\"", p->folder, name, sql);
    if (code || strcmp(p->out, answer)) fail_msg("%s: %s", sql, p->out);
}

/* What a text does not have (classes of tokens, targets of random rows) leaves neither rows nor events. */
static void nothing_undefined_is_written(void **state) {
    Place *p = *state;
    const char *const classes = "SELECT count(*) > 0 FROM metric WHERE name LIKE '%dormant%'";
    const char *const events = "SELECT count(*) FROM event WHERE kind = 'nan'";
    char source[128];
    assert_answer(p, "a", classes, "0\n");
    assert_answer(p, "a", events, "0\n");
    assert_answer(p, "a", "SELECT count(*) FROM eval_layer WHERE probe = 'random' AND lens_loss IS NOT NULL",
                  "0\n");
    assert_int_equal(probe(p, "--heads"), 0);
    assert_null(strstr(p->out, "on triggers"));
    snprintf(source, sizeof source, "bigram_backcopy:%s/text.txt", p->folder);
    assert_int_equal(train(p, "task", source, ""), 0);
    assert_answer(p, "task", classes, "1\n");
    assert_answer(p, "task", events, "0\n");
    assert_int_equal(run(p, "./sinklab probe $(ls -d %s/task.db.d/*/step-*) --cache %s/cache --heads",
                         p->folder, p->folder),
                     0);
    assert_shows(p, "on triggers");
}

/* Of a kind whose rows need not sum to one the database and the tables say so; a null key's mass is seen. */
static void weights_that_do_not_sum_to_one_are_marked(void **state) {
    Place *p = *state;
    char text[96];
    snprintf(text, sizeof text, "%s/text.txt", p->folder);
    assert_answer(p, "a", "SELECT count(proxy), count(*) > 0 FROM sink", "0|1\n");
    assert_int_equal(probe(p, "--heads"), 0);
    assert_null(strstr(p->out, "sum |A|"));
    assert_int_equal(train(p, "sigmoid", text, "data.tokenizer=bytes model.attention=sigmoid"), 0);
    assert_answer(p, "sigmoid", "SELECT min(proxy), count(proxy) = count(*) FROM sink", "1.0|1\n");
    assert_int_equal(run(p, "./sinklab probe $(ls -d %s/sigmoid.db.d/*/step-*) --cache %s/cache --heads",
                         p->folder, p->folder),
                     0);
    assert_shows(p, "weights measured");
    assert_shows(p, "by head, A being |A| / sum |A|");
    assert_int_equal(train(p, "null", text, "data.tokenizer=bytes model.attention=softmax1"), 0);
    assert_int_equal(run(p, "./sinklab probe $(ls -d %s/null.db.d/*/step-*) --cache %s/cache --heads --json",
                         p->folder, p->folder),
                     0);
    double sum = json_figure(p, "$.heads.rows.\"row sum\"[0]");
    assert_true(sum > 0.5 && sum < 1);
}

static void every_question_is_answered_at_once(void **state) {
    Place *p = *state;
    char options[256];
    snprintf(options, sizeof options,
             "--heads --perturb 5 --jacobian --collapse --maps --stream --embedding --quantize int8 --time "
             "--positions --prune --attack 2 --svg %s/figures",
             p->folder);
    assert_int_equal(probe(p, options), 0);
    static const char *const shown[] = {"norm ratio",
                                        "lens loss",
                                        "phase",
                                        "1.1",
                                        "later positions, mean",
                                        "path bound",
                                        "8 tokens",
                                        "beyond the context",
                                        "inputs, by token",
                                        "linear probe",
                                        "light and heavy",
                                        "positions 2 to 3",
                                        "sink heads first",
                                        "worst by gradient"};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) assert_shows(p, shown[i]);
    assert_shows(p, "/figures/maps.svg\n");
    assert_shows(p, "/figures/perturb.svg\n");
    assert_int_equal(
        run(p, "grep -c '</svg>' %s/figures/maps.svg %s/figures/perturb.svg", p->folder, p->folder), 0);
}

static void figures_stand_before_and_after_an_intervention(void **state) {
    Place *p = *state;
    assert_int_equal(probe(p, "--json --do 'scale(5, 1), self_only(pos=0)' --do 'amplify(5,1)'"), 0);
    assert_true(json_figure(p, "$.model.rows.loss[2]") == 0);
    assert_int_equal(probe(p, "--json --do 'drop_mlp(layer=1,pos=3)'"), 0);
    assert_true(json_figure(p, "$.model.rows.loss[2]") != 0);
    assert_true(json_figure(p, "$.chain.rows.\"norm ratio\"[0]") ==
                json_figure(p, "$.chain.rows.\"norm ratio\"[1]"));
    assert_int_equal(probe(p, "--json --do no_bos"), 0);
    assert_true(json_figure(p, "$.model.rows.loss[2]") != 0);
}

static void a_random_control_stands_beside_what_it_controls(void **state) {
    Place *p = *state;
    assert_int_equal(probe(p, "--json --do 'random(of=unit_off(0, 5), n=4)'"), 0);
    for (int i = 0; i < 2; i++) {
        char control[64], model[64];
        snprintf(control, sizeof control, "$.control.rows.loss[%d]", i);
        snprintf(model, sizeof model, "$.model.rows.loss[%d]", i);
        assert_true(json_figure(p, control) == json_figure(p, model));
    }
    assert_true(json_figure(p, "$.control.rows.loss[2]") != json_figure(p, "$.control.rows.loss[0]"));
    assert_true(json_figure(p, "$.control.rows.loss[3]") > 0);
    /* what does nothing does nothing elsewhere either */
    assert_int_equal(probe(p, "--json --do 'random(of=logit_bias(5, 0), n=3)'"), 0);
    for (int i = 1; i < 3; i++) {
        char control[64];
        snprintf(control, sizeof control, "$.control.rows.loss[%d]", i);
        assert_true(json_figure(p, control) == json_figure(p, "$.control.rows.loss[0]"));
    }
    assert_true(json_figure(p, "$.control.rows.loss[3]") == 0);
}

static void a_control_of_nothing_changes_nothing(void **state) {
    Place *p = *state;
    assert_int_equal(probe(p, "--do 'unit_off(0, 5)'"), 0);
    char *want = strdup(p->out);
    assert_int_equal(probe(p, "--do 'random(of=unit_off(0, 5), n=0)'"), 0);
    assert_string_equal(p->out, want);
    assert_int_equal(probe(p, "--do 'unit_off(0, 5), random(of=unit_off(0,5),n=0)'"), 0);
    assert_string_equal(p->out, want);
    free(want);
}

/* A text's change is seen from its place on only, and rounding nothing changes nothing. */
static void figures_known_beforehand_come_out(void **state) {
    Place *p = *state;
    char options[160];
    snprintf(options, sizeof options, "--json --key 0 --perturb 5 --quantize int8 --svg %s", p->folder);
    assert_int_equal(probe(p, options), 0);
    double mass = json_figure(p, "$.key.rows.\"layer 1\"[0]"); /* the 20 rows are fewer than are kept */
    assert_true(fabs(mass - json_figure(p, "$.chain.rows.\"sink mass\"[1]")) < 1e-6);
    assert_true(json_figure(p, "$.perturb.rows.\"position 5\"[0]") > 0);
    assert_true(json_figure(p, "$.quantize.rows.\"as trained\"[1]") == 0);
    assert_true(json_figure(p, "$.quantize.rows.\"as trained\"[0]") ==
                json_figure(p, "$.model.rows.loss[0]"));
    double last = json_figure(p, "$.chain.rows.\"lens loss\"[1]"),
           loss = json_figure(p, "$.model.rows.loss[0]");
    assert_true(fabs(last - loss) < 1e-5);
}

/* At every evaluation with spectra of the training run, step 0 and the last among them, on every probe; and
 * on the checkpoint itself. */
static void bounds_hold_in_training(void **state) {
    Place *p = *state;
    int code = run(p,
                   "sqlite3 %s/a.db \"SELECT max(value) = 0 AND min(step) = 0 AND max(step) = 8 AND "
                   "count(DISTINCT step) >= 3 AND count(*) = count(DISTINCT step) + 3 FROM metric WHERE name "
                   "LIKE '%%.bound_violations'\"",
                   p->folder);
    if (code || strcmp(p->out, "1\n")) fail_msg("%s", p->out);
    assert_int_equal(probe(p, "--json"), 0);
    assert_true(json_figure(p, "$.model.rows.\"bound violations\"[0]") == 0);
}

/* Figures among the sheets leave JSON whole. */
static void pictures_leave_json_whole(void **state) {
    Place *p = *state;
    char options[160];
    snprintf(options, sizeof options, "--json --maps --perturb 5 --svg %s", p->folder);
    assert_int_equal(probe(p, options), 0);
    assert_shows(p, "\"maps.svg\": \"/tmp/");
    assert_true(json_figure(p, "$.perturb.rows.\"position 5\"[0]") > 0);
}

static void a_text_of_ones_own_is_measured(void **state) {
    Place *p = *state;
    char path[96], options[128];
    snprintf(path, sizeof path, "%s/own.txt", p->folder);
    snprintf(options, sizeof options, "--text %s", path);
    write_text(path, 40);
    assert_int_equal(probe(p, options), 0);
    assert_shows(p, "sink rate");
    assert_null(strstr(p->out, "warning"));
    write_text(path, 2);
    assert_int_equal(probe(p, options), 0);
    assert_shows(p, "over 1 row of 6 tokens (a text of 6)");
}

static void questions_that_cannot_be_asked_are_refused(void **state) {
    static const char *const bad[][2] = {
        {"--do 'drop_mlp(layer=2,pos=0)'", "layer 2 is not there"},
        {"--do nothing", "no such intervention"},
        {"--do 'random(of=nothing)'", "no such intervention"},
        {"--do 'random(of=unit_off(0,1)), random(of=unit_off(0,2))'", "one random"},
        {"--do ''", "--do: empty"},
        {"--do 'scale(10,1e39)'", "lambda: expected a number"},
        {"--do 'scale(16, 2)'", "pos 16 is not there"},
        {"--perturb 16", "--perturb: 16"},
        {"--perturb -1", "--perturb: -1"},
        {"--key 16", "--key: 16"},
        {"--quantize int4", "unknown kind"},
        {"--text /nowhere", "--text: file: /nowhere"},
        {"another", "expected one CHECKPOINT"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(probe(*state, bad[i][0]), 2);
        assert_shows(*state, bad[i][1]);
    }
}

/* Of one another's tokens the figures would be wrong: a model of as many, from another tokenizer. */
static void a_model_of_another_tokenizer_is_refused(void **state) {
    Place *p = *state;
    assert_int_equal(
        run(p,
            "LC_ALL=C sed 's/\"tokenizer\":\"[0-9a-f]/\"tokenizer\":\"x/;s/\"checksum\"/\"checksun\"/' "
            "$(ls %s/a.db.d/*/step-*/model.safetensors) >%s/other.safetensors",
            p->folder, p->folder),
        0);
    assert_int_equal(run(p, "./sinklab probe %s/other.safetensors --cache %s/cache", p->folder, p->folder),
                     2);
    assert_shows(p, "another tokenizer");
}

/* Several in one text may be longer than one may be alone. */
static void many_interventions_fit_in_one_text(void **state) {
    Place *p = *state;
    assert_int_equal(probe(p, "--do 'scale(pos=1, lambda=2),scale(pos=2, lambda=2),scale(pos=3, lambda=2),"
                              "scale(pos=4, lambda=2),scale(pos=5, lambda=2)'"),
                     0);
}

/* Every instrument has a row, and every column that instruments fill is in one. */
static void every_instrument_is_listed_with_its_columns(void **state) {
    static const char *const rows[] = {"sink_mass",
                                       "sink_rate",
                                       "sink_position",
                                       "uniform_mass",
                                       "unnormalised",
                                       "mixing",
                                       "value_drain",
                                       "dormant",
                                       "local_mass",
                                       "positive_scores",
                                       "out_variance",
                                       "norm_ratio",
                                       "massive_activation",
                                       "dominance",
                                       "kurtosis",
                                       "super_neurons",
                                       "spectrum",
                                       "bounds",
                                       "perturbation_spread",
                                       "sensitivity",
                                       "rank_collapse",
                                       "representational_collapse",
                                       "logit_lens",
                                       "embedding_probe",
                                       "onset",
                                       "phases",
                                       "step_head",
                                       "step_layer",
                                       "step_tensor",
                                       "gradient_sink",
                                       "gate",
                                       "mass_histogram",
                                       "sink_kind",
                                       "sink_logit",
                                       "logits",
                                       "prefix_matching",
                                       "write_sizes",
                                       "residual_sink",
                                       "stream",
                                       "quantize"};
    Place *p = *state;
    char columns[4096], *save = NULL;
    assert_int_equal(
        run(p,
            "sqlite3 %s/a.db \"SELECT DISTINCT c.name FROM sqlite_schema AS t, pragma_table_info(t.name) "
            "AS c WHERE t.name IN ('eval', 'eval_layer', 'eval_head', 'step_head', 'step_layer', "
            "'step_tensor') AND NOT c.pk AND "
            "c.name NOT LIKE 'val_loss%%' AND c.name NOT LIKE 'bos_cost%%' AND c.name NOT IN ('T', "
            "'sequences', 'bits_per_byte')\"",
            p->folder),
        0);
    snprintf(columns, sizeof columns, "%s", p->out);
    assert_int_equal(run(p, "./sinklab probe --list"), 0);
    for (char *name = strtok_r(columns, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
        assert_shows(p, name);
    assert_int_equal(run(p, "./sinklab probe --list --json"), 0);
    assert_false(isnan(json_figure(p, "$[0].name")));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[64];
        snprintf(name, sizeof name, "\"name\": \"%s\"", rows[i]);
        assert_shows(p, name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_question_is_answered_at_once),
                                       cmocka_unit_test(figures_stand_before_and_after_an_intervention),
                                       cmocka_unit_test(a_random_control_stands_beside_what_it_controls),
                                       cmocka_unit_test(a_control_of_nothing_changes_nothing),
                                       cmocka_unit_test(nothing_undefined_is_written),
                                       cmocka_unit_test(weights_that_do_not_sum_to_one_are_marked),
                                       cmocka_unit_test(figures_known_beforehand_come_out),
                                       cmocka_unit_test(pictures_leave_json_whole),
                                       cmocka_unit_test(a_text_of_ones_own_is_measured),
                                       cmocka_unit_test(bounds_hold_in_training),
                                       cmocka_unit_test(questions_that_cannot_be_asked_are_refused),
                                       cmocka_unit_test(a_model_of_another_tokenizer_is_refused),
                                       cmocka_unit_test(many_interventions_fit_in_one_text),
                                       cmocka_unit_test(every_instrument_is_listed_with_its_columns)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
