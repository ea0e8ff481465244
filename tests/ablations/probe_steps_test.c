/* ./sinklab probe over a run's steps: what it stores is what training would have measured, to the bit; an
 * intervention's effect by step; checkpoints named by the start of a key, by a folder, by steps; sentences of
 * any length. */
#include "data/base/rng.h"

#include "tests/train/command_fixture.h"

#include <math.h>

static int say(const Place *p, const char *format, ...) {
    char line[1200];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(line + n, sizeof line - (size_t)n, " >%s/out 2>&1", p->folder);
    return shell(line);
}

/* Evaluated at every step, at every fifth with everything: those that have a checkpoint. */
static int train(const Place *p, const char *db, const char *more) {
    return say(
        p,
        "./sinklab train configs/demo.yaml --quiet --db %s/%s --cache %s/cache data.source=%s/text.txt "
        "data.tokenizer=bytes model.layers=2 model.width=32 model.context=16 train.steps=20 "
        "train.batch_tokens=256 "
        "optim.warmup=1 probe.every=1 probe.sequences=20 run.checkpoint_every=5 run.keep=all run.threads=1 "
        "%s",
        p->folder, db, p->folder, p->folder, more);
}

/* The first digits of the one run's key. */
static void key_of(const Place *p, const char *db, char key[9]) {
    char *text = ask(p, db, "SELECT substr(key, 1, 8) FROM run");
    snprintf(key, 9, "%s", text);
    free(text);
}

static int probe(const Place *p, const char *db, const char *options) {
    char key[9];
    key_of(p, db, key);
    return say(p, "./sinklab probe %s --db %s/%s --cache %s/cache %s", key, p->folder, db, p->folder,
               options);
}

static int setup(void **state) {
    Place *p = place_make("steps");
    if (!p) return -1;
    FILE *f = open_file(p, "text.txt", "w");
    for (int i = 0; i < 30000; i++)
        fprintf(f, "w%d%c", (int)rng_below(1, RNG_TEST, 0, (uint64_t)i, 7), i % 11 == 10 ? '\n' : ' ');
    fclose(f);
    *state = p;
    return train(p, "a.db", "");
}

static int teardown(void **state) {
    return place_remove(*state);
}

static void forget(const Place *p, const char *db, const char *which) {
    static const char *const tables[] = {"eval", "eval_layer", "eval_head", "metric"};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char sql[128];
        snprintf(sql, sizeof sql, "DELETE FROM %s WHERE step IN (%s)", tables[i], which);
        free(ask(p, db, sql));
    }
}

/* `set`: of training at those steps. */
static void assert_comes_back(const Place *p, const char *db, const char *steps, const char *set) {
    char options[128];
    char *all = ask(p, db, "SELECT * FROM digest"), *now;
    snprintf(options, sizeof options, "--steps %s %s --store", steps, set);
    forget(p, db, steps);
    now = ask(p, db, "SELECT * FROM digest");
    assert_string_not_equal(all, now);
    free(now);
    if (probe(p, db, options)) fail_msg("%s/out", p->folder);
    now = ask(p, db, "SELECT * FROM digest");
    if (strcmp(all, now)) fail_msg("%s: %s %s are not what training measured", db, set, steps);
    free(all);
    free(now);
}

/* Of other contexts by step, of a penalty, of kinds with a proxy, trained under an intervention: every way to
 * the bits. */
static void stored_figures_are_those_of_training_to_the_bit(void **state) {
    const Place *p = *state;
    static const char *const runs[][2] = {
        {"a.db", NULL},
        {"contexts.db", "'train.context_schedule=[0:8, 10:16]'"},
        {"penalty.db", "train.sink_penalty=1 train.micro_rows=3 model.prefix=4 train.loss_from=3"},
        {"changed.db",
         "model.attention=sigmoid data.bos=none 'model.interventions=[\"amplify(3, 2)\"]' optim.name=muon"}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        if (runs[i][1]) assert_int_equal(train(p, runs[i][0], runs[i][1]), 0);
        assert_comes_back(p, runs[i][0], "5,10,15,20", "--heavy");
    }
    assert_int_equal(train(p, "light.db", "probe.every=5"), 0);
    assert_comes_back(p, "light.db", "5,10,15", "--light");
    assert_comes_back(p, "light.db", "20", "");
}

/* Under probe.do training measures what --do --store measures afterwards, and changes none of its own. */
static void what_a_run_measures_under_is_what_is_stored_later(void **state) {
    const Place *p = *state;
    static const char own[] = "SELECT step, loss, grad_norm FROM step ORDER BY step; SELECT step, probe, "
                              "val_loss, sink_mass, entropy_norm_min"
                              " FROM eval WHERE probe NOT LIKE '% do %' ORDER BY step, probe";
    assert_int_equal(train(p, "under.db", "'probe.do=[\"drop_mlp(0, 0)\", no_bos, \"amplify(3, 2)\"]'"), 0);
    assert_answer(
        p, "under.db", /* 0 too, which has no checkpoint */
        "SELECT probe, group_concat(step) FROM (SELECT * FROM eval ORDER BY step) WHERE probe LIKE 'main do "
        "%'"
        " GROUP BY probe",
        "main do amplify(pos=3,lambda=2)|0,5,10,15,20|\nmain do drop_mlp(layer=0,pos=0)|0,5,10,15,20|\n"
        "main do no_bos|0,5,10,15,20|\n");
    char *without = ask(p, "a.db", own), *with = ask(p, "under.db", own), *now;
    assert_string_equal(without, with);
    free(without);
    free(with);
    char *all = ask(p, "under.db", "SELECT * FROM digest");
    forget(p, "under.db", "5,10,15,20");
    assert_int_equal(probe(p, "under.db", "--steps 5,10,15,20 --heavy --do 'drop_mlp(0, 0)' --store"), 0);
    assert_int_equal(probe(p, "under.db", "--steps 5,10,15,20 --heavy --do no_bos --store"), 0);
    assert_int_equal(probe(p, "under.db", "--steps 5,10,15,20 --heavy --do 'amplify(3, 2)' --store"), 0);
    now = ask(p, "under.db", "SELECT * FROM digest");
    assert_string_equal(all, now);
    free(all);
    free(now);
}

/* What is done changes the run's own figures in nothing, and does to each step what it does to that step
 * alone. */
static void an_effect_is_told_at_each_step(void **state) {
    const Place *p = *state;
    char *before = ask(p, "a.db", "SELECT * FROM digest"), *after;
    assert_int_equal(probe(p, "a.db", "--steps all --do 'drop_mlp(0, 0)' --do 'scale(5, 1)' --store"), 0);
    assert_file_says(p, "out",
                     "4 steps: main and main do drop_mlp(layer=0,pos=0), scale(pos=5,lambda=1) stored");
    assert_int_equal(probe(p, "a.db", "--steps 10,20 --do 'scale(pos=1, lambda=1)' --store --heavy"), 0);
    assert_int_equal(probe(p, "a.db", "--steps 10 --do no_bos --store"), 0);
    after = ask(p, "a.db", "SELECT * FROM digest");
    assert_string_equal(before, after);
    free(before);
    free(after);
    assert_answer(p, "a.db",
                  "SELECT intervention, group_concat(DISTINCT step), max(abs(difference)) > 0 FROM (SELECT * "
                  "FROM effect "
                  "ORDER BY intervention, step) WHERE untouched IS NOT NULL GROUP BY intervention",
                  "drop_mlp(layer=0,pos=0), "
                  "scale(pos=5,lambda=1)|5,10,15,20|1|\nno_bos|10|1|\nscale(pos=1,lambda=1)|10,20|0|\n");
    assert_answer(p, "a.db", /* nothing done is nothing changed, held-out loss and BOS's worth among it */
                  "SELECT count(*) > 50, sum(difference <> 0), max(figure = 'val_loss'), max(figure = "
                  "'other_bos.bos_cost')"
                  " FROM effect WHERE intervention = 'scale(pos=1,lambda=1)'",
                  "1|0|1|1|\n");
    assert_answer(p, "a.db", /* rows without BOS are those of other_bos */
                  "SELECT count(*), sum(c.sink_mass <> o.sink_mass OR c.mixing <> o.mixing) FROM eval AS c "
                  "JOIN eval AS o"
                  " USING (run_id, step) WHERE c.probe = 'main do no_bos' AND o.probe = 'other_bos'",
                  "1|0|\n");
    assert_int_equal(probe(p, "a.db", "--steps log --do 'drop_mlp(0, 0)' --json"), 0);
    assert_file_says(p, "out", "\"steps\": {\"over\": \"over 20 rows of 16 tokens\"");
}

/* Over training as of one checkpoint; what does nothing differs from nothing nowhere. */
static void a_random_control_is_kept_at_each_step(void **state) {
    const Place *p = *state;
    char *before = ask(p, "a.db", "SELECT * FROM digest"), *after;
    assert_int_equal(probe(p, "a.db", "--steps 10,20 --do 'random(of=unit_off(0, 5), n=3)' --store"), 0);
    assert_file_says(p, "out", "unit_off(layer=0,unit=5) and 3 others of its size");
    assert_answer(p, "a.db",
                  "SELECT intervention, group_concat(DISTINCT step), min(n), max(n), count(DISTINCT figure), "
                  "sum(figure = 'loss' AND sd > 0 AND random <> untouched) FROM control",
                  "unit_off(layer=0,unit=5)|10,20|3.0|3.0|8|2|\n");
    assert_int_equal(probe(p, "a.db", "--steps 20 --json --do 'random(of=unit_off(0, 5), n=3)'"), 0);
    int code =
        say(p,
            "sqlite3 %s/a.db \"SELECT abs(changed - j ->> 1) < 1e-12, abs(random - j ->> 2) < 1e-12 FROM "
            "control, (SELECT readfile('%s/out') ->> '\\$.control.rows.loss' AS j) WHERE step = 20 AND "
            "figure = 'loss'\" >%s/same; cat %s/same",
            p->folder, p->folder, p->folder, p->folder);
    assert_int_equal(code, 0);
    assert_file_says(p, "same", "1|1\n");
    assert_int_equal(probe(p, "a.db", "--steps 5,10 --do 'random(of=logit_bias(5, 0), n=2)' --store"), 0);
    assert_answer(
        p, "a.db",
        "SELECT count(*), sum(untouched = changed AND changed = random AND sd = 0 AND sds_away IS NULL) FROM "
        "control WHERE intervention LIKE 'logit_bias%'",
        "16|16|\n");
    after = ask(p, "a.db", "SELECT * FROM digest");
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void checkpoints_are_named_by_key_by_folder_and_by_step(void **state) {
    const Place *p = *state;
    char key[9];
    key_of(p, "a.db", key);
    assert_int_equal(
        say(p, "./sinklab probe %s/a.db.d/%s* --cache %s/cache --steps 5,20", p->folder, key, p->folder), 0);
    assert_file_says(p, "out", "step 20");
    assert_int_equal(say(p, "./sinklab sample %.4s --db %s/a.db --cache %s/cache --prompt w --tokens 2", key,
                         p->folder, p->folder),
                     0);
    assert_int_equal(say(p, "./sinklab export %.4s %s/exported --db %s/a.db --cache %s/cache", key, p->folder,
                         p->folder, p->folder),
                     0);
    assert_file_says(p, "out", "after 20 steps");
    const struct {
        const char *options, *says;
    } bad[] = {{"--steps 5,7", "--steps: 7: no checkpoint after so many steps (there are 5, 10, 15, 20)"},
               {"--steps most", "--steps: most: expected all, log or steps"},
               {"--steps all --key 0", "are asked of one"},
               {"--store --sentence w1", "not of --sentence"},
               {"--light --heavy", "one of them"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(probe(p, "a.db", bad[i].options), 2);
        assert_file_says(p, "out", bad[i].says);
    }
    assert_int_equal(say(p, "./sinklab probe ffff --db %s/a.db", p->folder), 2);
    assert_file_says(p, "out", "ffff: no run's key begins so");
    assert_int_equal(say(p, "./sinklab probe ffff --db %s/nowhere.db", p->folder), 2);
    assert_file_says(p, "out", "no such file or folder");
    assert_int_equal(say(p, "./sinklab probe zzzz --db %s/a.db", p->folder), 2);
    assert_file_says(p, "out", "zzzz: no such file, nor the start of a run's key");
    assert_int_equal(say(p, "mkdir %s/empty; ./sinklab probe %s/empty", p->folder, p->folder), 2);
    assert_file_says(p, "out", "/empty: holds none");
}

/* Another run's among them, or one whose folder says another step, is no step of this run. */
static void a_folder_of_two_runs_is_refused(void **state) {
    const Place *p = *state;
    assert_int_equal(train(p, "other.db", "seed=1"), 0);
    assert_int_equal(
        say(p, "mkdir %s/mixed && cp -r %s/a.db.d/*/step-00000005 %s/other.db.d/*/step-00000010 %s/mixed",
            p->folder, p->folder, p->folder, p->folder),
        0);
    assert_int_equal(say(p, "./sinklab probe %s/mixed --cache %s/cache --steps all", p->folder, p->folder),
                     2);
    assert_file_says(p, "out", "step-00000005: of run");
    assert_int_equal(
        say(p, "cd %s/mixed && rm -r step-00000010 && cp -r step-00000005 step-00000006", p->folder), 0);
    assert_int_equal(say(p, "./sinklab probe %s/mixed --cache %s/cache --steps all", p->folder, p->folder),
                     2);
    assert_file_says(p, "out", "after step 5, not of run");
}

/* One of bytes has as many tokens. */
static void a_sentence_of_any_length_is_measured(void **state) {
    const Place *p = *state;
    static const char *const asked[][2] = {
        {"w1", "over 1 row of 2 tokens (a text of 2)"},
        {"w1 w2 w1", "over 1 row of 8 tokens (a text of 8)"},
        {"w1 w2 w1 w2 w1 w", "over 1 row of 16 tokens (a text of 16)"},
        {"w1 w2 w1 w2 w1 w2", "over 1 row of 16 tokens (a text of 17)"},
        {"w1 w2 w1 w2 w1 w2 w1 w2 w1 w2 w1 w2", "over 2 rows of 16 tokens (a text of 35)"}};
    char options[160];
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        snprintf(options, sizeof options,
                 "--heads --key 1 --perturb 1 --jacobian --quantize int8 --svg %s --sentence '%s'", p->folder,
                 asked[i][0]);
        assert_int_equal(probe(p, "a.db", options), 0);
        assert_file_says(p, "out", asked[i][1]);
    }
    assert_int_equal(probe(p, "a.db", "--sentence w"), 2);
    assert_file_says(p, "out", "--sentence: 1 token: at least 2");
    assert_int_equal(probe(p, "a.db", "--sentence 'w1 w2' --do 'amplify(1, 2)'"), 2);
    assert_file_says(p, "out", "there is one row");
}

/* A sheet says over how many of how many rows it is, and tells the error of what rows differ in. */
static void what_is_of_some_rows_says_so(void **state) {
    const Place *p = *state;
    assert_int_equal(probe(p, "a.db", "--text configs/demo.yaml --key 0 --jacobian"), 0);
    assert_file_says(p, "out", "the whole model, over the first 20 of ");
    assert_file_says(p, "out", "16 draws, over the first 20 of ");
    assert_file_says(p, "out", " +- 0.");
    assert_int_equal(train(p, "rows.db", "probe.sequences=100"), 0);
    assert_int_equal(probe(p, "rows.db", "--key 0"), 0);
    assert_file_says(p, "out", "the whole model, over 100 rows of 16 tokens");
    assert_file_says(p, "out", "val_loss in results.db is over another set of held-out rows");
    assert_file_says(p, "out", "sink mass of key 0, over the first 32 of 100 rows of 16 tokens");
}

static double planned_bytes(const Place *p, const char *keep) {
    FILE *f = open_file(p, "kept.yaml", "w");
    fprintf(f,
            "name: kept\nbase: %s/configs/demo.yaml\nset: {data.source: %s/text.txt, data.tokenizer: bytes, "
            "model.layers: 2, model.width: 32, train.steps: 20, optim.warmup: 1, run.checkpoint_every: 5, "
            "run.keep: %s}\nseeds: 1\n",
            getenv("PWD"), p->folder, keep);
    fclose(f);
    assert_int_equal(say(p,
                         "(./sinklab sweep plan %s/kept.yaml --db %s/none.db --cache %s/cache --json --quiet "
                         "2>/dev/null)", /* that the machine is busy */
                         p->folder, p->folder, p->folder),
                     0);
    char sql[192];
    snprintf(sql, sizeof sql, "SELECT json_extract(readfile('%s/out'), '$.runs[0].checkpoints')", p->folder);
    int code = say(p, "sqlite3 :memory: \"%s\" >%s/bytes; cat %s/bytes", sql, p->folder, p->folder);
    assert_int_equal(code, 0);
    f = open_file(p, "bytes", "r");
    double bytes = 0;
    assert_int_equal(fscanf(f, "%lf", &bytes), 1);
    fclose(f);
    return bytes;
}

/* Two with two moments each, and the weights of those kept before the last: of 5, 10, 15, 20 three, of 10, 20
 * one. */
static void a_plan_counts_what_is_kept(void **state) {
    const Place *p = *state;
    double last = planned_bytes(p, "last");
    assert_true(last > 0);
    assert_true(fabs(planned_bytes(p, "all") / last - 9.0 / 6) < 1e-9);
    assert_true(fabs(planned_bytes(p, "[10, 20]") / last - 7.0 / 6) < 1e-9);
    assert_int_equal(say(p, "./sinklab sweep plan %s/kept.yaml --db %s/none.db --cache %s/cache", p->folder,
                         p->folder, p->folder),
                     0);
    assert_file_says(p, "out", "MB of checkpoints (run.keep)");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(stored_figures_are_those_of_training_to_the_bit),
                                       cmocka_unit_test(what_a_run_measures_under_is_what_is_stored_later),
                                       cmocka_unit_test(an_effect_is_told_at_each_step),
                                       cmocka_unit_test(a_random_control_is_kept_at_each_step),
                                       cmocka_unit_test(checkpoints_are_named_by_key_by_folder_and_by_step),
                                       cmocka_unit_test(a_folder_of_two_runs_is_refused),
                                       cmocka_unit_test(a_sentence_of_any_length_is_measured),
                                       cmocka_unit_test(what_is_of_some_rows_says_so),
                                       cmocka_unit_test(a_plan_counts_what_is_kept)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
