/* The sweep file: order of the expansion, precedence, stable keys, every refusal word for word. */
#include "ablations/sweep/plan.h"
#include "ablations/sweep/sweep_metrics.h"
#include "data/base/files.h"
#include "tests/train/store_fixture.h"

/* A sweep from text, in a folder that the test removes. */
static Sweep *load(const Place *p, const char *text, int words, char **word, Error *e) {
    Path path = path_of("%s/sweep.yaml", p->folder);
    assert_true(file_write(path.s, text, (int64_t)strlen(text), e));
    char *kept = strdup(path.s); /* the sweep's path outlives this call */
    Sweep *s = sweep_load(kept, words, word, e);
    if (!s) free(kept);
    return s;
}

static void unload(Sweep *s) {
    char *path = (char *)s->path;
    sweep_free(s);
    free(path);
}

static Sweep *load_or_fail(const Place *p, const char *text) {
    Error e = {0};
    Sweep *s = load(p, text, 0, NULL, &e);
    if (!s) fail_msg("%s", e.text);
    return s;
}

/* ---- expansion ---- */

static void first_axis_is_slowest_then_zip_then_seeds(void **state) {
    (void)state;
    static const char *const expected[] = {
        "layers=2 bos=row context=32 lr=0.001 0",  "layers=2 bos=row context=32 lr=0.001 1",
        "layers=2 bos=row context=64 lr=0.0007 0", "layers=2 bos=row context=64 lr=0.0007 1",
        "layers=2 bos=none context=32 lr=0.001 0", "layers=2 bos=none context=32 lr=0.001 1",
        "layers=4 bos=row context=32 lr=0.001 0",  "layers=4 bos=row context=32 lr=0.001 1",
        "layers=4 bos=row context=64 lr=0.0007 0", "layers=4 bos=row context=64 lr=0.0007 1",
        "layers=4 bos=none context=32 lr=0.001 0", "layers=4 bos=none context=32 lr=0.001 1",
    };
    Place p = place_make();
    Sweep *s = load_or_fail(&p, "name: order\n"
                                "grid: {model.layers: [2, 4], data: {bos: [row, none]}}\n"
                                "zip: {model.context: [32, 64], optim.lr: [1e-3, 7e-4]}\n"
                                "exclude: [{data.bos: none, model.context: 64}]\n"
                                "seeds: 2\n");
    assert_int_equal(sweep_runs(s), 12);
    for (int i = 0; i < 12; i++) {
        char label[LABEL_TEXT], line[LABEL_TEXT + 32];
        sweep_label(s, i, LABEL_ALL, label);
        snprintf(line, sizeof line, "%s %lld", label, (long long)sweep_seed(s, i));
        assert_string_equal(line, expected[i]);
    }
    unload(s);
    place_remove(&p);
}

static void values_may_repeat_in_zip(void **state) {
    (void)state;
    Place p = place_make();
    Sweep *s = load_or_fail(&p, "name: x\nzip: {model.width: [16, 16, 32], model.context: [8, 16, 16]}\n"
                                "exclude: [{model: {width: 16, context: 8}}]\n");
    assert_int_equal(sweep_runs(s), 2);
    assert_string_equal(sweep_value(s, 0, 1), "16");
    assert_string_equal(sweep_value(s, 1, 0), "32");
    unload(s);
    place_remove(&p);
}

static void seeds_that_tune_come_after_those_that_judge(void **state) {
    (void)state;
    Place p = place_make();
    Sweep *s =
        load_or_fail(&p, "name: tuned\ngrid: {model.head_out: [none, rmsnorm], optim.lr: [1e-3, 3e-3]}\n"
                         "seeds: [5, 2]\ncompare: {axis: model.head_out, baseline: none}\n"
                         "tune: {axes: [optim.lr], seeds: 2}\n");
    static const int64_t seeds[] = {5, 2, 6, 7};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(sweep_seed(s, i), seeds[i]);
        assert_int_equal(sweep_judges(s, i), i < 2);
    }
    char label[LABEL_TEXT];
    sweep_label(s, 4, PLACE_SIDE, label);
    assert_string_equal(label, "head_out=none");
    sweep_label(s, 4, PLACE_STRATUM, label);
    assert_string_equal(label, "all");
    unload(s);
    place_remove(&p);
}

/* Ends as they are written, four digits between them, whole numbers where the key takes no other. */
static void a_range_is_evenly_spaced_or_by_a_factor(void **state) {
    (void)state;
    static const char *const values[][5] = {{"0.0001", "0.0003162", "0.001", "0.003162", "0.01"},
                                            {"16", "32", "64", "128", "256"},
                                            {"0", "0.25", "0.5", "0.75", "1"},
                                            {"1", "3", "4", "6", "8"}};
    Place p = place_make();
    Sweep *s = load_or_fail(
        &p, "name: x\nzip: {optim.lr: {log: [1e-4, 1e-2], n: 5}, model.width: {log: [16, 256], n: 5},\n"
            "  optim.weight_decay: {linear: [0, 1], n: 5}, model: {layers: {linear: [1, 8], n: 5}}}\n");
    assert_int_equal(sweep_runs(s), 5);
    for (int axis = 0; axis < 4; axis++)
        for (int i = 0; i < 5; i++) assert_string_equal(sweep_value(s, i, axis), values[axis][i]);
    unload(s);
    place_remove(&p);
}

static void an_axis_may_have_one_value(void **state) {
    (void)state;
    Place p = place_make();
    Sweep *s = load_or_fail(&p, "name: x\ngrid: {optim.lr: [1e-3], model.layers: [1, 2]}\n");
    char label[LABEL_TEXT];
    assert_int_equal(sweep_runs(s), 2);
    sweep_label(s, 1, LABEL_ALL, label);
    assert_string_equal(label, "lr=0.001 layers=2");
    unload(s);
    place_remove(&p);
}

/* ---- precedence ---- */

static void base_below_variant_below_set_below_axes_below_words(void **state) {
    (void)state;
    Place p = place_make();
    Error e = {0};
    const char *base = "model: {layers: 3, width: 64}\ndata: {bos: row}\noptim: {lr: 5e-3}\n";
    char *words[] = {"train.steps=777"};
    assert_true(file_write(path_of("%s/base.yaml", p.folder).s, base, (int64_t)strlen(base), &e));
    Sweep *s =
        load(&p,
             "name: levels\nbase: base.yaml\nset: {optim: {lr: 2e-3}, train.steps: 50, model.layers: 5}\n"
             "grid: {variant: [baseline, no_bos], model.layers: [1, 2]}\nseeds: [9]\n",
             1, words, &e);
    if (!s) fail_msg("%s", e.text);
    Config c;
    OK(sweep_config(s, 3, &c, &e));
    assert_string_equal(c.variant, "no_bos");
    assert_int_equal(c.data.bos, BOS_NONE); /* the preset, over the base's own key */
    assert_int_equal(c.model.width, 64);    /* base, over the default */
    assert_int_equal(c.model.layers, 2);    /* grid, over set */
    assert_true(c.optim.lr == 2e-3);        /* set, over base */
    assert_int_equal(c.train.steps, 777);   /* the command line, over set */
    assert_int_equal(c.seed, 9);
    unload(s);
    place_remove(&p);
}

/* ---- the plan ---- */

static void write_text(const Place *p) {
    char text[32768];
    size_t used = 0;
    Error e = {0};
    for (int i = 0; used < sizeof text - 64; i++)
        used +=
            (size_t)snprintf(text + used, sizeof text - used, "line %d of a text%s\n", i, i % 20 ? "" : "\n");
    assert_true(file_write(path_of("%s/text.txt", p->folder).s, text, (int64_t)used, &e));
}

static void plan_text(const Place *p, const char *layers, char out[512]) {
    snprintf(out, 512,
             "name: plan\nset: {data: {source: %s/text.txt, tokenizer: bytes}, train: {steps: 20, "
             "batch_tokens: 64},"
             " model: {width: 16, context: 16}, optim.warmup: 2}\ngrid: {model.layers: [%s]}\nseeds: 2\n",
             p->folder, layers);
}

static Plan plan_or_fail(const Place *p, Sweep *s) {
    Plan plan;
    OK(plan_make(&plan, s, path_of("%s/cache", p->folder).s, NULL, &e));
    return plan;
}

static void plan_knows_done_runs_and_orphans(void **state) {
    (void)state;
    Place p = place_make();
    char text[512];
    write_text(&p);
    plan_text(&p, "1, 2", text);
    Sweep *s = load_or_fail(&p, text);
    Plan plan = plan_or_fail(&p, s);
    Store *store = open_or_fail(p.db, STORE_WRITE);
    assert_int_equal(plan.runs, 4);
    OK(plan_register(&plan, -1, store, &e));
    OK(plan_register(&plan, -1, store, &e)); /* again: nothing is doubled */
    ASK(store, "SELECT count(*) FROM sweep_run", "4");
    run_sql(store, "UPDATE run SET status = 'done' WHERE id = 1");
    OK(plan_look(&plan, store, &e));
    assert_string_equal(plan.run[0].status, "done");
    assert_string_equal(plan.run[1].status, "queued");
    char first[33];
    strcpy(first, plan.run[0].key);
    plan_free(&plan);
    unload(s);

    plan_text(&p, "1, 3", text); /* edited: layers 2 is no longer part of it */
    s = load_or_fail(&p, text);
    plan = plan_or_fail(&p, s);
    OK(plan_look(&plan, store, &e));
    assert_string_equal(plan.run[0].key, first);
    assert_string_equal(plan.run[0].status, "done");
    assert_string_equal(plan.run[2].status, "new");
    assert_int_equal(plan.orphans, 2);
    plan_free(&plan);
    unload(s);
    store_close(store);
    place_remove(&p);
}

static void one_place_can_be_registered_alone(void **state) {
    (void)state;
    Place p = place_make();
    char text[512];
    write_text(&p);
    plan_text(&p, "1, 2", text);
    Sweep *s = load_or_fail(&p, text);
    Plan plan = plan_or_fail(&p, s);
    Store *store = open_or_fail(p.db, STORE_WRITE);
    OK(plan_register(&plan, 3, store, &e));
    ASK(store, "SELECT group_concat(\"index\") FROM sweep_run", "3");
    /* Every place is known, so that what is missing is. */
    ASK(store, "SELECT group_concat(label || ' ' || cell) FROM sweep_cell",
        "layers=1 0,layers=1 0,layers=2 1,layers=2 1");
    OK(plan_register(&plan, 0, store, &e));
    ASK(store, "SELECT min(\"index\") || max(\"index\") || count(*) FROM sweep_run", "032");
    store_close(store);
    plan_free(&plan);
    unload(s);
    place_remove(&p);
}

/* Holm divides by all comparisons that the file plans, though one run is there. */
static void every_planned_comparison_counts(void **state) {
    (void)state;
    Place p = place_make();
    char text[1024];
    write_text(&p);
    plan_text(&p, "1, 2, 3", text);
    strcat(text, "compare: {axis: model.layers, baseline: 1}\n"
                 "expect: [{metric: val_loss, direction: lower}, {metric: sink_mass, direction: lower}]\n");
    Sweep *s = load_or_fail(&p, text);
    Plan plan = plan_or_fail(&p, s);
    Store *store = open_or_fail(p.db, STORE_WRITE);
    OK(plan_register(&plan, 2, store, &e));
    ASK(store, "SELECT group_concat(share) FROM (SELECT share FROM verdict ORDER BY share)", "4,4,4,4");
    ASK(store, "SELECT max(share) FROM t_quantile", "4");
    store_close(store);
    plan_free(&plan);
    unload(s);
    place_remove(&p);
}

static void twins_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *zip, *word, *why;
    } cases[] = {
        /* 0 stands for the width that 32 is */
        {"zip: {model.mlp_width: [0, 32]}\n", "optim.lr=0.01", "an axis that changes nothing?"},
        {"zip: {variant: [baseline, no_bos]}\n", "data.bos=none",
         "two variants whose difference another key takes back?"},
    };
    Place p = place_make();
    write_text(&p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024], expected[256], *word = (char *)cases[i].word;
        Plan plan;
        Error e = {0};
        plan_text(&p, "1, 2", text);
        Sweep *s = load(&p, strcat(text, cases[i].zip), 1, &word, &e);
        assert_non_null(s);
        assert_false(plan_make(&plan, s, path_of("%s/cache", p.folder).s, NULL, &e));
        snprintf(expected, sizeof expected, "%s/sweep.yaml: runs 0 and 2 are one and the same run (%s)",
                 p.folder, cases[i].why);
        assert_string_equal(e.text, expected);
        assert_int_equal(e.code, EXIT_USAGE);
        unload(s);
    }
    place_remove(&p);
}

/* ---- refusals ---- */

#define GRID  "name: x\ngrid: {model.layers: [1, 2]}\n"
#define SIDES GRID "compare: {axis: model.layers, baseline: 1}\n"

static const struct Refusal {
    const char *text, *why; /* after "FOLDER/sweep.yaml" */
} refusals[] = {
    {"claim: y\n", ":1:1: name: missing (what is this sweep called?)"},
    {"name: a/b\n", ":1:7: name: \"a/b\": letters, digits, - _ . only"},
    {"name: "
     "a234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890x"
     "\n",
     ":1:7: name: longer than 100 letters (files are called by it)"},
    {"name: x\ngird: {}\n", ":2:1: sweep: unknown key gird (did you mean grid?)"},
    {"program: train.py\nmethod: grid\nparameters: {lr: {values: [1, 2]}}\n",
     ":1:1: sweep: unknown key program (one of: name, claim, source, base, set, grid, zip, exclude, seeds, "
     "compare, tune, expect, note, tables, fits, needs)"},
    {"name: x\nmodel: {layers: 2}\n",
     ":2:1: sweep: model is of a configuration (it stands under set: or grid:)"},
    {"name: x\ntrain.steps: 2\n",
     ":2:1: sweep: train.steps is of a configuration (it stands under set: or grid:)"},
    {"name: x\nseed: [1, 2]\n", ":2:1: sweep: unknown key seed (did you mean seeds?)"},
    {SIDES "expect: [{metric: loss, direction: lower}]\n",
     ":4:19: expect: unknown metric loss (such as val_loss, sink_rate_03, onset: sinklab query "
     "sweep_metrics)"},
    {"name: x\ndefaults: [demo]\n",
     ":2:1: sweep: unknown key defaults (one of: name, claim, source, base, set, grid, zip, exclude, seeds, "
     "compare, tune, expect, note, tables, fits, needs)"},
    {"name: x\ngrid: {optim.learning_rate: [1e-3, 2e-3]}\n",
     ":2:8: unknown key optim.learning_rate (did you mean optim.lr?)"},
    {"name: x\n", ":1:1: nothing varies (give it grid, zip or seeds)"},
    {"name: x\ngrid: {}\nseeds: 2\n", ":2:7: grid: empty (give it an axis, KEY: [VALUE, VALUE])"},
    {"name: x\ngrid: {}\nzip: {}\nseeds: 2\n", ":3:6: grid and zip: both empty (give one an axis)"},
    {"name: x\ngrid: {model.layers: []}\n",
     ":2:22: model.layers: an axis needs a list of values, or a range: {log: [FROM, TO], n: N}"},
    {"name: x\ngrid: {model.layers: 4}\n",
     ":2:22: model.layers: an axis needs a list of values, or a range: {log: [FROM, TO], n: N}"},
    {"name: x\ngrid: {model.layers: [4]}\ncompare: {axis: model.layers, baseline: 4}\n",
     ":3:17: compare: model.layers has one value, and nothing to hold against it"},
    {"name: x\ngrid: {optim.lr: {log: [1, 2]}}\n",
     ":2:18: optim.lr: a range is {log: [FROM, TO], n: N} or {linear: [FROM, TO], n: N}"},
    {"name: x\ngrid: {optim.lr: {log: [1, 2], linear: [1, 2], n: 3}}\n",
     ":2:18: optim.lr: a range is {log: [FROM, TO], n: N} or {linear: [FROM, TO], n: N}"},
    {"name: x\ngrid: {optim.lr: {log: [0, 2], n: 3}}\n", ":2:24: optim.lr: log: both ends are above 0"},
    {"name: x\ngrid: {optim.lr: {log: [1, 2], n: 1}}\n",
     ":2:35: optim.lr: n: expected a number from 2 to 10000"},
    {"name: x\ngrid: {optim.lr: {lgo: [1, 2], n: 3}}\n",
     ":2:19: optim.lr: unknown key lgo (did you mean log?)"},
    {"name: x\ngrid: {model.layers: {linear: [1, 2], n: 4}}\n", ":2:22: model.layers: 1 is there twice"},
    {"name: x\ngrid: {model.layer: [1, 2]}\n", ":2:8: unknown key model.layer (did you mean model.layers?)"},
    {"name: x\ngrid: {model.layers: [1, two]}\n", ":2:26: model.layers: expected an integer, not \"two\""},
    {"name: x\ngrid: {optim.lr: [1e-3, 0.001]}\n", ":2:25: optim.lr: 0.001 is there twice"},
    {"name: x\ngrid: {seed: [1, 2]}\n", ":2:8: seed: seeds have a key of their own (seeds: 3)"},
    {"name: x\ngrid: {run.threads: [1, 2]}\n", ":2:8: run.threads changes no result: set it under set:"},
    {GRID "zip: {model.width: [32, 64], optim.lr: [1, 2, 3]}\n",
     ":3:6: zip: model.width has 2 values, optim.lr has 3 (they advance together)"},
    {GRID "zip: {model.layers: [3, 4]}\n", ":3:7: model.layers is an axis already"},
    {GRID "exclude: [{model.width: 3}]\n", ":3:12: exclude: model.width is no axis of grid or zip"},
    {GRID "exclude: [{model: {layers: 3}}]\n", ":3:28: exclude: 3 is not on the axis model.layers (1, 2)"},
    {GRID "exclude: [{layer: 3}]\n", ":3:12: unknown key layer (did you mean model.layers?)"},
    {GRID "exclude: [{model.layers: 3}]\n", ":3:26: exclude: 3 is not on the axis model.layers (1, 2)"},
    {GRID "exclude: [{model.layers: 1}, {model.layers: 2}]\n", ":3:30: exclude: leaves nothing to run"},
    {GRID "exclude: [{model.layers: 1}, {model.layers: 1}]\n",
     ":3:30: exclude: no combination is left that has these"},
    {SIDES "exclude: [{model.layers: 1}]\n",
     ":4:10: exclude: leaves nothing of the baseline, model.layers 1"},
    {SIDES "exclude: [{model.layers: 2}]\n",
     ":4:10: exclude: leaves nothing to compare with the baseline, model.layers 1"},
    {GRID "seeds: none\n", ":3:8: seeds: expected a number from 1 to 10000, or a list of seeds"},
    {GRID "seeds: [0, 0]\n", ":3:12: seed 0 is there already"},
    {GRID "set: {seed: 3}\nseeds: 2\n", ":4:8: seeds: seed is under set: already (%s/sweep.yaml:3:13)"},
    {GRID "set: {model.width: 8, model: {width: 8}}\n", ":3:31: set: duplicate key model.width"},
    {GRID "compare: {axis: model.layers, baseline: 3}\n",
     ":3:41: compare: baseline: 3 is not on the axis model.layers (1, 2)"},
    {GRID "compare: {axis: layers, baseline: 1}\n",
     ":3:17: compare: axis: layers is no axis of grid or zip (did you mean model.layers?)"},
    {"name: x\nzip: {model.width: [16, 16, 32], model.context: [8, 16, 16]}\ncompare: {axis: model.width, "
     "baseline: 32}\n",
     ":3:17: compare: model.width has 16 twice (sides are told by it)"},
    {GRID "compare: {axis: model.layers}\n", ":3:10: compare: needs axis and baseline"},
    {GRID "expect: [{metric: val_loss, direction: lower}]\n",
     ":3:9: expect: needs compare: (whose sides it is about)"},
    {SIDES "expect: [{metric: sink_rate_3, direction: lower}]\n",
     ":4:19: expect: unknown metric sink_rate_3 (did you mean sink_rate_03?)"},
    {SIDES "expect: [{metric: contxt.val_loss, direction: lower}]\n",
     ":4:19: expect: unknown metric contxt.val_loss (did you mean context.val_loss?)"},
    {SIDES "expect: [{metric: other_bos.val_los, direction: lower}]\n",
     ":4:19: expect: unknown metric other_bos.val_los (did you mean other_bos.val_loss, other_bos.val_loss_1 "
     "or other_bos.val_loss_late?)"},
    {SIDES "expect: [{metric: main.val_loss, direction: lower}]\n",
     ":4:19: expect: unknown metric main.val_loss (did you mean val_loss?)"},
    {SIDES "expect: [{metric: context.onset, direction: lower}]\n",
     ":4:19: expect: unknown metric context.onset (did you mean onset?)"},
    {SIDES "expect: [{metric: val_loss, direction: down}]\n", ":4:40: expect: direction: lower or higher"},
    {SIDES "expect: [{metric: val_loss, direction: lower, by: -1}]\n",
     ":4:51: expect: by: expected a number from 0 on (direction: says the sign)"},
    {SIDES "seeds: 2\ntune: {axes: [model.layers], seeds: 1}\n",
     ":5:15: tune: model.layers is what is compared"},
    {SIDES "seeds: 2\ntune: {axes: [model.layers]}\n", ":5:7: tune: needs axes (a list) and seeds"},
    {GRID "fits: {of: a}\n", ":3:7: fits: expected a list of fits"},
    {GRID "fits: [{query: a.sql, of: a}]\n",
     ":3:8: fits: expected {query: FILE.sql, of: COLUMN, on: [COLUMN, ...]}"},
    {GRID "fits: [{query: a.sql, of: a, on: [b]}]\n",
     ":3:16: fits: query: file: %s/a.sql: No such file or directory (the path is relative to this file)"},
    {GRID "needs: eval.sink_mass\n", ":3:8: needs: expected a list of columns"},
    {GRID "needs: [eval.sink_masse]\n",
     ":3:9: needs: unknown column eval.sink_masse (did you mean eval.sink_mass?)"},
    {GRID "needs: [[a]]\n", ":3:9: needs: unknown column  (TABLE.COLUMN of results.db)"},
    {GRID "needs: [step_tensor.weight]\n",
     ":3:9: needs: step_tensor.weight is not kept in results files (ablations/README.md)"},
    {GRID "base: nowhere.yaml\n",
     ":3:7: base: %s/nowhere.yaml: No such file or directory (the path is relative to this file)"},
    {"name: x\nseeds: 9000\ngrid: {model.layers: [1, 2, 3, 4], model.heads: [1, 2, 4]}\n",
     ":1:1: more than 100000 runs"},
};

static void every_bad_input_is_refused_word_for_word(void **state) {
    (void)state;
    Place p = place_make();
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        Error e = {0};
        char why[512], expected[768];
        Sweep *s = load(&p, refusals[i].text, 0, NULL, &e);
        if (s) fail_msg("taken: %s", refusals[i].text);
        const char *hole = strstr(refusals[i].why, "%s");
        snprintf(why, sizeof why, "%.*s%s%s", hole ? (int)(hole - refusals[i].why) : 500, refusals[i].why,
                 hole ? p.folder : "", hole ? hole + 2 : "");
        snprintf(expected, sizeof expected, "%s/sweep.yaml%s", p.folder, why);
        assert_string_equal(e.text, expected);
        assert_int_equal(e.code, EXIT_USAGE);
    }
    place_remove(&p);
}

static void words_of_the_command_line_are_checked(void **state) {
    (void)state;
    static const struct {
        char *word;
        const char *why;
    } bad[] = {{"model.layers=3", "command line: model.layers is an axis of "},
               {"seed=3", "command line: "},
               {"steps", "command line: \"steps\" is not of the form key=value (one word, no blanks)"},
               {"train.step=3", "command line: unknown key train.step (did you mean train.steps?)"}};
    Place p = place_make();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Error e = {0};
        char *word = bad[i].word;
        assert_null(load(&p, GRID "seeds: 2\n", 1, &word, &e));
        assert_memory_equal(e.text, bad[i].why, strlen(bad[i].why));
        assert_int_equal(e.code, EXIT_USAGE);
    }
    place_remove(&p);
}

/* The view `paired` knows what variants choose: all but those that set a learning rate are paired, and no run
 * of the baseline departs from what is built in. */
static void variants_are_paired_with_the_baseline(void **state) {
    (void)state;
    enum { MOST = 64 };
    char names[MOST][VARIANT_TEXT], sql[256], text[MOST * VARIANT_TEXT] = "name: x\ngrid: {variant: [";
    Error e = {0};
    int variants = config_variants(names, MOST, &e), alike = 0;
    assert_in_range(variants, 2, MOST);
    for (int i = 0; i < variants; i++) strcat(strcat(text, i ? ", " : ""), names[i]);
    Place p = place_make();
    Sweep *sweep = load_or_fail(&p, strcat(text, "]}\n"));
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Config plain;
    config_defaults(&plain);
    for (int i = 0; i < variants; i++) {
        Config c;
        int64_t run;
        OK(sweep_config(sweep, i, &c, &e));
        alike += c.optim.lr == plain.optim.lr && strcmp(names[i], "baseline");
        char *json = config_json(&c, true);
        RunIdentity id = identity(names[i], names[i], 0, json);
        OK(store_enqueue(s, &id, &run, &e));
        free(json);
    }
    run_sql(s, "UPDATE run SET status = 'done'");
    snprintf(sql, sizeof sql, "%d", alike);
    ASK(s, "SELECT count(*) FROM paired WHERE baseline = 'baseline'", sql);
    /* A second baseline, of another choice, is a side like any other. */
    run_sql(s, "INSERT INTO run (key, variant, seed, config, status) SELECT 'side', variant, seed,"
               " json_set(config, '$.model.head_out', 'rmsnorm'), status FROM run WHERE key = 'baseline'");
    ASK(s, "SELECT group_concat(baseline) FROM paired WHERE key = 'side'", "baseline");
    ASK(s, "SELECT count(*) FROM paired WHERE baseline = 'side'", "0");
    ASK(s, "SELECT group_concat(arm, ';') FROM arm JOIN run ON id = run_id WHERE variant = 'baseline'",
        "baseline model.head_out=none;baseline model.head_out=rmsnorm");
    store_close(s);
    unload(sweep);
    place_remove(&p);
}

/* The names are the view's, and no others. */
static void an_expectation_may_have_every_figure_of_eval(void **state) {
    (void)state;
    static const char *const known[] = {"val_loss", "context.bits_per_byte", "other_bos.sink_rate_08",
                                        "random.entropy_norm_min", "onset"};
    static const char *const unknown[][2] = {
        {"val_los", " (did you mean val_loss, val_loss_1, val_loss_late or val_loss_16k?)"},
        {"context.onset", " (did you mean onset?)"},
        {"T", ""},
        {"sequences", ""},
        {"step", ""},
        {"", ""}};
    char hint[96];
    sqlite3 *db = NULL;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!sweep_metric_known(&db, known[i], hint, sizeof hint))
            fail_msg("%s is not known%s", known[i], hint);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_false(sweep_metric_known(&db, unknown[i][0], hint, sizeof hint));
        assert_string_equal(hint, unknown[i][1]);
    }
    sqlite3_close(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_axis_is_slowest_then_zip_then_seeds),
        cmocka_unit_test(values_may_repeat_in_zip),
        cmocka_unit_test(seeds_that_tune_come_after_those_that_judge),
        cmocka_unit_test(a_range_is_evenly_spaced_or_by_a_factor),
        cmocka_unit_test(an_axis_may_have_one_value),
        cmocka_unit_test(base_below_variant_below_set_below_axes_below_words),
        cmocka_unit_test(plan_knows_done_runs_and_orphans),
        cmocka_unit_test(one_place_can_be_registered_alone),
        cmocka_unit_test(every_planned_comparison_counts),
        cmocka_unit_test(twins_are_refused),
        cmocka_unit_test(every_bad_input_is_refused_word_for_word),
        cmocka_unit_test(words_of_the_command_line_are_checked),
        cmocka_unit_test(variants_are_paired_with_the_baseline),
        cmocka_unit_test(an_expectation_may_have_every_figure_of_eval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
