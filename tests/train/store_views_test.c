/* The views of results.db on planted rows whose answers are known. */
#include "tests/train/store_fixture.h"
#include "train/store/schema.h"

#include <math.h>

static const char PLAIN[] =
    "{\"variant\":\"baseline\",\"model\":{\"width\":8,\"head_out\":\"none\",\"tags\":[\"a\",\"b\"]},"
    "\"optim\":{\"lr\":0.001},\"run\":{\"threads\":1}}";
static const char NORMED[] =
    "{\"variant\":\"head_rmsnorm\",\"model\":{\"width\":8,\"head_out\":\"rmsnorm\",\"tags\":"
    "[\"a\",\"b\"]},\"optim\":{\"lr\":0.001},\"run\":{\"threads\":2}}";
static const char WIDER[] =
    "{\"variant\":\"head_rmsnorm\",\"model\":{\"width\":16,\"head_out\":\"rmsnorm\",\"tags\":"
    "[\"a\",\"b\"]},\"optim\":{\"lr\":0.001},\"run\":{\"threads\":2}}";

/* One evaluation of probe main with one figure. */
static void plant(Store *s, int64_t run, int64_t step, const char *name, double value) {
    Figures f = {0};
    figures_add(&f, name, -1, -1, value);
    OK(store_eval(s, run, step, "main", &f, &e));
    figures_free(&f);
}

static int64_t planted_run(Store *s, const char *key, const char *variant, int64_t seed, const char *config) {
    RunIdentity id = identity(key, variant, seed, config);
    int64_t run;
    OK(store_enqueue(s, &id, &run, &e));
    return run;
}

/* ---- onset ---- */

enum { EVALS = 6, SPACING = 10 };

static const struct Series {
    const char *key, *quantity;
    double at[EVALS]; /* at steps 0, 10, ... */
    const char *interval;
} series[] = {
    {"once_and_back", "sink_rate_03", {0, 0.2, 0, 0.2, 0.3, 0.4}, "20-30"},
    {"never", "sink_rate_03", {0, 0.2, 0, 0.1, 0.1, 0.1}, "x-x"}, /* 0.1 itself is not past it */
    {"at_first", "sink_rate_03", {0.2, 0.2, 0, 0, 0, 0}, "x-0"},
    {"only_at_last", "sink_rate_03", {0, 0, 0, 0, 0, 0.9}, "x-x"},
    {"with_a_gap", "sink_rate_03", {0, NAN, 0.2, NAN, 0.3, 0.4}, "0-20"},
    {"drain", "value_drain", {1, 0.9, 0.6, 0.4, 0.2, 0.2}, "20-30"},
    {"norm", "norm_ratio", {1, 2, 3, 3.1, 4, 5}, "20-30"},
    {"entropy", "entropy_norm_min", {0.9, 0.4, 0.4, 0.4, 0.6, 0.6}, "0-10"},
};

static void onset_of_planted_series(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        int64_t run = planted_run(s, series[i].key, "baseline", 0, PLAIN);
        for (int k = 0; k < EVALS; k++) plant(s, run, k * SPACING, series[i].quantity, series[i].at[k]);
    }
    OK(store_flush(s, &e));
    ASK(s, "SELECT count(*) FROM onset", "8");
    for (size_t i = 0; i < sizeof series / sizeof *series; i++) {
        char sql[256], answer[256];
        snprintf(sql, sizeof sql,
                 "SELECT coalesce(last_before, 'x') || '-' || coalesce(first_after, 'x') FROM onset "
                 "WHERE key = '%s' AND quantity = '%s'",
                 series[i].key, series[i].quantity);
        if (strcmp(ask(s, sql, answer), series[i].interval))
            fail_msg("%s: %s, not %s", series[i].key, answer, series[i].interval);
    }
    store_close(s);
    place_remove(&p);
}

/* Other probes say nothing about the onset. */
static void onset_looks_at_probe_main_alone(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    int64_t run = planted_run(s, "a", "baseline", 0, PLAIN);
    Figures f = {0};
    figures_add(&f, "sink_rate_03", -1, -1, 0.9);
    for (int step = 0; step < 3; step++) OK(store_eval(s, run, step, "context", &f, &e));
    OK(store_flush(s, &e));
    ASK(s, "SELECT count(*) FROM onset", "0");
    figures_free(&f);
    store_close(s);
    place_remove(&p);
}

/* Two heads; the second's mass is 0.52 from step `rise` to before `fall`, else 0.1. */
static void plant_masses(Store *s, int64_t run, int steps, int rise, int fall) {
    for (int step = 1; step <= steps; step++) {
        double mass[] = {0.05, step >= rise && step < fall ? 0.52 : 0.1};
        OK(store_step_head(s, run, step, 1, 1, 2, mass, (double[]){1, 1}, &e));
    }
}

static void onset_to_the_step(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    /* k of 20 steps at 0.52, the rest at 0.1: the mean is above 0.3 from k = 10. */
    plant_masses(s, planted_run(s, "a", "baseline", 0, PLAIN), 100, 41, 1000);
    plant_masses(s, planted_run(s, "b", "baseline", 1, PLAIN), 100, 1, 1000);
    plant_masses(s, planted_run(s, "c", "baseline", 2, PLAIN), 100, 41, 70);
    plant_masses(s, planted_run(s, "d", "baseline", 3, PLAIN), 19, 1, 1000);
    OK(store_flush(s, &e));
    ASK(s, "SELECT last_before || ' ' || first_after FROM onset WHERE key = 'a'", "49 50");
    ASK(s, "SELECT coalesce(last_before, 'x') || ' ' || first_after FROM onset WHERE key = 'b'", "x 20");
    ASK(s,
        "SELECT coalesce(last_before, 'x') || ' ' || coalesce(first_after, 'x') FROM onset WHERE key = 'c'",
        "x x");
    ASK(s, "SELECT count(*) FROM onset WHERE key = 'd'", "0");
    store_close(s);
    place_remove(&p);
}

/* ---- final, paired, sink, param ---- */

/* A finished run of two steps and three evaluations. */
static int64_t finished_run(Store *s, const char *key, const char *variant, int64_t seed, const char *config,
                            double loss) {
    int64_t run = planted_run(s, key, variant, seed, config);
    for (int step = 1; step <= 2; step++)
        OK(store_step(s, run,
                      &(StepRow){.step = step, .tokens = 1000 * step, .loss = 3, .ms = 250, .probe_ms = 9},
                      &e));
    for (int step = 0; step <= 2; step++) {
        plant(s, run, step, "sink_rate_03", 0.25 * step);
        plant(s, run, step, "val_loss", loss + 2 - step);
        plant(s, run, step, "norm_ratio", 2);
    }
    Figures f = {0};
    figures_add(&f, "val_loss", -1, -1, 99);
    OK(store_eval(s, run, 2, "other_bos", &f, &e));
    figures_free(&f);
    OK(store_status(s, run, "done", NULL, &e));
    return run;
}

static void final_has_one_row_a_finished_run(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    finished_run(s, "a", "baseline", 4, PLAIN, 2.5);
    planted_run(s, "b", "baseline", 5, PLAIN);
    OK(store_status(s, planted_run(s, "c", "baseline", 6, PLAIN), "done", NULL, &e)); /* measured nothing */
    ASK(s, "SELECT group_concat(key) FROM (SELECT key FROM final ORDER BY key)", "a,c");
    ASK(s,
        "SELECT variant || seed || ' ' || val_loss || ' ' || sink_rate_03 || ' ' || norm_ratio || ' ' || "
        "onset || ' ' "
        "|| tokens || ' ' || seconds || ' ' || tokens_per_s FROM final WHERE key = 'a'",
        "baseline4 2.5 0.5 2.0 1 2000 0.5 4000.0");
    ASK(s,
        "SELECT group_concat(step || ':' || sink_rate_03, ' ') FROM sink WHERE key = 'a' AND probe = 'main'",
        "0:0.0 1:0.25 2:0.5");
    store_close(s);
    place_remove(&p);
}

static void paired_matches_seed_and_the_rest_of_the_configuration(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    finished_run(s, "base0", "baseline", 0, PLAIN, 2.5);
    finished_run(s, "base1", "baseline", 1, PLAIN, 2.75);
    finished_run(s, "norm0", "head_rmsnorm", 0, NORMED, 2.25);
    finished_run(s, "norm1", "head_rmsnorm", 1, NORMED, 3.0);
    finished_run(s, "norm2", "head_rmsnorm", 2, NORMED, 3.0); /* no baseline of its seed */
    finished_run(s, "wider0", "head_rmsnorm", 0, WIDER, 3.0); /* none of its width */
    ASK(s,
        "SELECT group_concat(key || '-' || baseline || ' ' || d_val_loss || ' ' || d_sink_rate_03, ';') "
        "FROM (SELECT * FROM paired ORDER BY key)",
        "norm0-base0 -0.25 0.0;norm1-base1 0.25 0.0");
    store_close(s);
    place_remove(&p);
}

/* Runs of before a key was born did what its default says. */
static void paired_knows_what_runs_without_a_young_key_did(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    finished_run(s, "old", "baseline", 0, "{\"variant\":\"baseline\"}", 2.5);
    finished_run(s, "new", "no_bos", 0, "{\"variant\":\"no_bos\",\"probe\":{\"gradients\":0}}", 2.25);
    finished_run(s, "other", "no_bos", 0, "{\"variant\":\"no_bos\",\"probe\":{\"gradients\":8}}", 2);
    ASK(s, "SELECT group_concat(key || '-' || baseline) FROM paired", "new-old");
    store_close(s);
    place_remove(&p);
}

/* Of baselines that differ in what goes with choices it is the one that agrees with the run, then the newest;
 * a window is a choice of its own. Never two. */
static void paired_takes_one_baseline(void **state) {
    (void)state;
    static const struct {
        const char *key, *variant, *model;
        double loss;
    } runs[] = {{"narrow", "baseline", "\"mlp_width\":16,\"window\":0", 2},
                {"wide", "baseline", "\"mlp_width\":32,\"window\":0", 3},
                {"newer", "baseline", "\"mlp_width\":64,\"window\":0", 5},
                {"windowed", "baseline", "\"mlp_width\":32,\"window\":8", 7},
                {"no_bos", "no_bos", "\"mlp_width\":32,\"window\":0", 4},
                {"other", "no_bos", "\"mlp_width\":48,\"window\":0", 4}};
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        char config[160];
        snprintf(config, sizeof config, "{\"variant\":\"%s\",\"model\":{%s}}", runs[i].variant,
                 runs[i].model);
        finished_run(s, runs[i].key, runs[i].variant, 0, config, runs[i].loss);
    }
    ASK(s,
        "SELECT group_concat(key || '-' || baseline || ' ' || d_val_loss, ';') "
        "FROM (SELECT * FROM paired ORDER BY key)",
        "no_bos-wide 1.0;other-newer -1.0;windowed-wide 4.0");
    store_close(s);
    place_remove(&p);
}

static void param_lists_dotted_keys(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    planted_run(s, "a", "baseline", 0, PLAIN);
    ASK(s,
        "SELECT group_concat(key || '=' || value, ' ') FROM param WHERE run_id = 1"
        " AND key NOT IN (SELECT key FROM young_key)",
        "variant=baseline model.width=8 model.head_out=none model.tags[0]=a model.tags[1]=b optim.lr=0.001 "
        "run.threads=1");
    ASK(s,
        "SELECT count(*) - (SELECT count(*) FROM param WHERE key IN (SELECT key FROM young_key)) FROM "
        "young_key",
        "0");
    store_close(s);
    place_remove(&p);
}

/* ---- curve, head, result, about ---- */

/* Of four probes main alone has the rows; a mean over a view's rows is one over runs and evaluations. */
static void views_for_people_are_of_probe_main(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    int64_t run = finished_run(s, "a", "baseline", 4, PLAIN, 2.5);
    planted_run(s, "b", "head_rmsnorm", 5, WIDER);
    OK(store_step_head(s, run, 2, 1, 1, 2, (double[]){0.25, 0.5}, (double[]){1, 0.125}, &e));
    OK(store_flush(s, &e));
    ASK(s, "SELECT count(*) FROM eval", "4");
    ASK(s,
        "SELECT group_concat(run_id || ' ' || variant || seed || ' ' || step || ' ' || tokens || ' ' || "
        "coalesce(loss, '-') || ' ' || sink_rate_03 || ' ' || width || ' ' || lr || ' ' || head_out, ';') "
        "FROM curve",
        "1 baseline4 0 0 - 0.0 8 0.001 none;1 baseline4 1 1000 3.0 0.25 8 0.001 none;"
        "1 baseline4 2 2000 3.0 0.5 8 0.001 none");
    ASK(s, "SELECT avg(val_loss) || ' ' || count(*) FROM curve", "3.5 3");
    ASK(s, "SELECT count(*) || ' ' || avg(sink_rate_03) FROM sink", "3 0.25");
    ASK(s,
        "SELECT group_concat(seed || ' ' || step || ' ' || layer || ' ' || head || ' ' || first_mass || ' ' "
        "|| width, "
        "';') FROM head",
        "4 2 0 0 0.25 8;4 2 0 1 0.5 8");
    ASK(s,
        "SELECT group_concat(key || ' ' || status || ' ' || width || ' ' || coalesce(val_loss, '-') || ' ' "
        "|| "
        "coalesce(tokens, '-') || ' ' || coalesce(seconds, '-'), ';') FROM result",
        "a done 8 2.5 2000 0.5;b queued 16 - - -");
    store_close(s);
    place_remove(&p);
}

/* Sweeps share runs: a run is one row, whatever it is in. */
static void a_run_of_two_sweeps_is_one_result(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    int64_t run = finished_run(s, "a", "baseline", 0, PLAIN, 2), sweep;
    static const char *const names[] = {"rates", "heads"};
    for (int i = 0; i < 2; i++) {
        OK(store_sweep(s, names[i], "", &sweep, &e));
        OK(store_sweep_run(s, sweep, 0, run, &e));
    }
    ASK(s, "SELECT group_concat(sweeps) FROM result", "rates,heads");
    store_close(s);
    place_remove(&p);
}

/* A key that is younger than a run has in its row what the run did. */
static void a_young_axis_has_what_older_runs_did(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    planted_run(s, "a", "baseline", 0, PLAIN);
    planted_run(s, "b", "baseline", 0, "{\"model\":{\"value_scale\":0.5}}");
    ASK(s, "SELECT group_concat(value_scale, ' ') FROM result", "0 0.5");
    ASK(s, "SELECT count(*) FROM axis WHERE name NOT IN (SELECT name FROM pragma_table_info('result'))", "0");
    store_close(s);
    place_remove(&p);
}

/* Every table, view and column of a table says what it is, as do the views for people; each in its own words.
 */
static void about_says_what_everything_is(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    ASK(s,
        "SELECT group_concat(s.name || '.' || c.name) FROM sqlite_schema AS s, pragma_table_info(s.name) AS c"
        " WHERE (s.type = 'table' OR s.name IN ('curve', 'head', 'result', 'eval_now'))"
        " AND NOT EXISTS (SELECT 1 FROM about WHERE \"table\" = s.name AND \"column\" = c.name AND meaning "
        "<> '')",
        "NULL");
    ASK(s,
        "SELECT group_concat(name) FROM sqlite_schema WHERE type IN ('table', 'view') AND name <> 'about'"
        " AND (SELECT count(*) FROM about WHERE \"table\" = name AND \"column\" IS NULL) <> 1",
        "NULL");
    ASK(s, "SELECT count(*) - count(DISTINCT \"table\" || '.' || coalesce(\"column\", '')) FROM about", "0");
    ASK(s, "SELECT meaning FROM about WHERE \"table\" = 'run' AND \"column\" = 'key'",
        "32 hex digits: hash of the configuration outside run.*, the corpus, the tokenizer and the numerics "
        "version");
    ASK(s, "SELECT meaning FROM about WHERE \"table\" = 'curve' AND \"column\" = 'step'",
        "updates done before it; 0: untrained");
    ASK(s, "SELECT meaning FROM about WHERE \"table\" = 'head' AND \"column\" = 'step'",
        "the update, from 1");
    ASK(s, "SELECT meaning FROM about WHERE \"table\" = 'result' AND \"column\" = 'lr'",
        "optim.lr of its configuration");
    store_close(s);
    place_remove(&p);
}

/* ---- thresholds ---- */

/* Of four sequences one below 0.01, two in (0.29, 0.30], one in (0.30, 0.31]; of the other head all at 1. */
static void a_histogram_gives_the_rate_at_any_threshold(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    int64_t run = planted_run(s, "a", "baseline", 0, PLAIN);
    Figures f = {0};
    figures_add_bin(&f, "sequences", 0, 0, 0, 1);
    figures_add_bin(&f, "sequences", 0, 0, 29, 2);
    figures_add_bin(&f, "sequences", 0, 0, 30, 1);
    figures_add_bin(&f, "sequences", 0, 1, 99, 4);
    OK(store_eval(s, run, 7, "main", &f, &e));
    OK(store_flush(s, &e));
    ASK(s, "SELECT count(*) || ' ' || sum(sequences) FROM eval_mass WHERE step = 7 AND probe = 'main'",
        "4 8");
    ASK(s,
        "SELECT group_concat(eps || ':' || sink_rate, ' ') FROM sink_rate_at WHERE head = 0 AND eps IN "
        "(0.01, "
        "0.29, 0.3, 0.31)",
        "0.01:0.75 0.29:0.75 0.3:0.25 0.31:0.0");
    ASK(s, "SELECT min(sink_rate) || ' ' || count(*) FROM sink_rate_at WHERE head = 1", "1.0 99");
    ASK(s, "SELECT avg(sink_rate) FROM sink_rate_at WHERE eps = 0.3", "0.625");
    figures_free(&f);
    store_close(s);
    place_remove(&p);
}

/* ---- digest ---- */

typedef struct Circumstances {
    const char *host, *keys[2];
    double ms;
    bool interrupted;
} Circumstances;

static const char *const layer_figures[] = {"gradient_sink", "stream_gradient_sink", "attn_write",
                                            "mlp_write"};

#define KEY_K "cccccccccccccccccccccccccccccccc"
#define KEY_L "dddddddddddddddddddddddddddddddd"

/* The same two runs' figures under other circumstances. */
static void write_repeated(Store *s, const Circumstances *c) {
    for (int i = 0; i < 2; i++) {
        RunIdentity id = identity(c->keys[i], "baseline", c->keys[i][0], PLAIN);
        id.host = c->host;
        Claim claim = claim_or_fail(s, &id);
        Figures f = {0}, layer = {0};
        for (int k = 0; k < 4; k++) figures_add(&layer, layer_figures[k], 0, -1, 0.1 * k);
        figures_add(&f, "val_loss", -1, -1, 1.0 / 3);
        figures_add(&f, "mixing", 1, -1, 0.1);
        figures_add(&f, "mixing", 1, 1, 0.1 + 0.2);
        figures_add(&f, "odd", 1, 1, NAN);
        OK(store_step(s, claim.run, &(StepRow){.step = 1, .tokens = 5, .loss = 0.7, .ms = c->ms}, &e));
        OK(store_step_head(s, claim.run, 1, 1, 1, 1, (double[]){0.3}, (double[]){NAN}, &e));
        OK(store_step_layer(s, claim.run, 1, &layer, &e));
        OK(store_step_tensor(s, claim.run, &(StepTensorRow){1, "t", 0.1, 0.2, 0.3}, &e));
        OK(store_eval(s, claim.run, 1, "main", &f, &e));
        if (c->interrupted) OK(store_event(s, claim.run, 1, "resumed", c->host, &e));
        OK(store_status(s, claim.run, "done", c->host, &e));
        store_release(&claim);
        figures_free(&f);
        figures_free(&layer);
    }
}

/* Rows of the digest of one database that the other lacks, both ways. */
static const char *DIFFERENCE =
    "SELECT (SELECT count(*) FROM (SELECT * FROM main.digest EXCEPT SELECT * FROM other.digest)) + "
    "(SELECT count(*) FROM (SELECT * FROM other.digest EXCEPT SELECT * FROM main.digest))";

static void digest_is_of_the_figures_alone(void **state) {
    (void)state;
    Place p = place_make(), q = place_make();
    Store *a = open_or_fail(p.db, STORE_WRITE), *b = open_or_fail(q.db, STORE_WRITE);
    write_repeated(a, &(Circumstances){"here", {KEY_K, KEY_L}, 10, false});
    write_repeated(b, &(Circumstances){"there", {KEY_L, KEY_K}, 20, true});
    char attach[160];
    snprintf(attach, sizeof attach, "ATTACH '%s' AS other", q.db);
    run_sql(a, attach);
    ASK(a, "SELECT count(*) FROM digest",
        "22"); /* 2 x (run, step, head, layer, tensor, 3 evals, metric, 2 nan events) */
    ASK(a, DIFFERENCE, "0");
    /* One bit of one figure is seen. */
    sqlite3_stmt *set;
    sqlite3_prepare_v2(store_db(a), "UPDATE eval SET val_loss = ?1 WHERE run_id = 1", -1, &set, NULL);
    sqlite3_bind_double(set, 1, nextafter(1.0 / 3, 1));
    assert_int_equal(sqlite3_step(set), SQLITE_DONE);
    sqlite3_finalize(set);
    ASK(a, DIFFERENCE, "2");
    store_close(a);
    store_close(b);
    place_remove(&p);
    place_remove(&q);
}

static bool digest_has(Store *s, const char *kind, const char *place, const char *column) {
    char sql[256], answer[256];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM digest WHERE step = 2 AND kind = '%s' AND place = '%s'"
             " AND instr(' ' || figures, ' %s=')",
             kind, place, column);
    return atoi(ask(s, sql, answer)) == 1;
}

/* Columns and tables that a later schema has are in the views without being named anywhere else. */
static void a_column_is_named_once(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    finished_run(s, "a", "baseline", 0, PLAIN, 2.5);
    run_sql(
        s,
        "ALTER TABLE eval ADD COLUMN extra REAL; ALTER TABLE eval ADD COLUMN extra_ms REAL;"
        "CREATE TABLE step_part (run_id INTEGER, step INTEGER, layer INTEGER, part TEXT, norm REAL, ms REAL,"
        " PRIMARY KEY (run_id, step, layer, part));"
        "UPDATE eval SET extra = 0.1 + 0.2;"
        "INSERT INTO step_part VALUES (1, 1, 3, 'q', 0.1, 9), (1, 2, 3, 'q', 1, 9)");
    assert_int_equal(schema_drop_views(store_db(s)), SQLITE_OK);
    assert_int_equal(schema_create(store_db(s)), SQLITE_OK);
    ASK(s, "SELECT figures FROM digest WHERE kind = 'step_part' AND step = 1 AND place = '3.q'", "norm=0.1");
    assert_true(digest_has(s, "eval", "other_bos", "extra"));
    assert_false(digest_has(s, "eval", "other_bos", "extra_ms"));
    ASK(s, "SELECT group_concat(metric) FROM sweep_metrics WHERE value = 0.1 + 0.2", "extra,other_bos.extra");
    OK(store_rewind(s, 1, 1, &e));
    ASK(s, "SELECT count(*) FROM step_part", "1");
    store_close(s);
    place_remove(&p);
}

/* Every column of a table of figures but its key and times. */
static void digest_has_every_column_of_figures(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    ASK(s,
        "SELECT group_concat(t.name || '.' || c.name) FROM sqlite_schema AS t, pragma_table_info(t.name) AS "
        "c,"
        " (SELECT sql FROM sqlite_schema WHERE name = 'digest') AS d WHERE t.type = 'table' AND t.name IN"
        " ('step', 'step_head', 'eval', 'eval_layer', 'eval_head', 'metric', 'map', 'event') AND NOT c.pk"
        " AND c.name NOT IN ('run_id', 'step', 'kind', 'at') AND"
        " NOT instr(substr(d.sql, instr(d.sql, ', ''' || t.name || ''', ')), c.name || '=')",
        "step.ms,step.probe_ms,step.save_ms");
    store_close(s);
    place_remove(&p);
}

/* ---- versions of figures ---- */

/* What is compared is NULL where it was measured by an older definition; what was measured stays. */
static void an_outdated_figure_is_not_compared(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    finished_run(s, "base0", "baseline", 0, PLAIN, 2.5);
    finished_run(s, "norm0", "head_rmsnorm", 0, NORMED, 2.25);
    run_sql(s, "DROP VIEW figure_now; CREATE VIEW figure_now AS SELECT 'val_loss' AS figure, 2 AS version"
               " UNION ALL SELECT 'sink_rate_03', 5; INSERT INTO figure_version VALUES (1, 'val_loss', 2),"
               " (1, 'sink_rate_03', 4), (2, 'sink_rate_03', 5)");
    ASK(s, "SELECT group_concat(run_id || figure) FROM (SELECT * FROM outdated ORDER BY run_id)",
        "1sink_rate_03,2val_loss");
    ASK(s,
        "SELECT group_concat(coalesce(val_loss, 'x') || ' ' || coalesce(sink_rate_03, 'x') || ' ' || "
        "norm_ratio, ';')"
        " FROM (SELECT * FROM final ORDER BY run_id)",
        "2.5 x 2.0;x 0.5 2.0");
    ASK(s,
        "SELECT coalesce(d_val_loss, 'x') || coalesce(d_sink_rate_03, 'x') || coalesce(d_onset, 'x') || "
        "d_norm_ratio"
        " FROM paired",
        "xxx0.0");
    ASK(s, "SELECT group_concat(key) FROM onset WHERE quantity = 'sink_rate_03'", "norm0");
    ASK(s, "SELECT count(val_loss) || ' ' || count(sink_rate_03) FROM eval", "8 6"); /* nothing is lost */
    run_sql(s, "INSERT INTO figure_version VALUES (2, 'val_loss', 2);"               /* measured anew */
               "UPDATE figure_version SET version = 5 WHERE figure = 'sink_rate_03'");
    ASK(s, "SELECT d_val_loss || ' ' || d_sink_rate_03 || ' ' || d_onset FROM paired", "-0.25 0.0 0");
    store_close(s);
    place_remove(&p);
}

/* ---- interventions ---- */

static void plant_on(Store *s, int64_t run, int64_t step, const char *probe, const char *name, double value) {
    Figures f = {0};
    figures_add(&f, name, -1, -1, value);
    figures_add(&f, "mixing", 0, 1, value);
    figures_add(&f, "without_a_column", -1, -1, value);
    OK(store_eval(s, run, step, probe, &f, &e));
    figures_free(&f);
}

/* The difference stands beside what it is of; of the run's own figures nothing is changed by it, undefined
 * ones included. */
static void an_effect_is_changed_minus_untouched_and_no_part_of_the_run(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    const char digest[] =
        "SELECT count(*) || ' ' || total(length(key || kind || step || place || figures)) FROM digest";
    char before[256];
    finished_run(s, "base0", "baseline", 0, PLAIN, 2.5);
    plant_on(s, 1, 7, "main", "sink_mass", 0.5);
    plant_on(s, 1, 7, "other_bos", "sink_mass", 0.125);
    OK(store_flush(s, &e));
    ask(s, digest, before);
    plant_on(s, 1, 7, "main do drop_mlp(layer=0,pos=0)", "sink_mass", 0.25);
    plant_on(s, 1, 7, "other_bos do drop_mlp(layer=0,pos=0)", "sink_mass", 1);
    plant_on(s, 1, 8, "main do head_off(head=1)", "sink_mass", 0.75); /* of the untouched model nothing */
    plant_on(s, 1, 8, "main do head_off(head=1)", "norm_ratio", NAN);
    static const struct {
        const char *name;
        double value;
    } control[] = {{"untouched", 3}, {"changed", 3.5}, {"random", 3.125}, {"sd", 0.25}, {"n", 20}};
    for (int i = 0; i < 5; i++) {
        char name[96];
        snprintf(name, sizeof name, "main do logit_bias(pos=0,b=0.5).control.loss.%s", control[i].name);
        OK(store_metric(s, 1, 7, name, control[i].value, &e));
    }
    OK(store_flush(s, &e));
    ASK(s, digest, before);
    ASK(s,
        "SELECT intervention || ' ' || run_id || ' ' || step || ' ' || figure || ' ' || untouched || ' ' || "
        "changed || ' ' || "
        "random || ' ' || sd || ' ' || n || ' ' || sds_away FROM control",
        "logit_bias(pos=0,b=0.5) 1 7 loss 3.0 3.5 3.125 0.25 20.0 1.5");
    ASK(s,
        "SELECT group_concat(intervention || ' ' || run_id || ' ' || step || ' ' || figure || ' ' || "
        "coalesce(untouched, '-') || ' ' ||"
        " changed || ' ' || coalesce(difference, '-'), ';') FROM (SELECT * FROM effect ORDER BY step, figure "
        "DESC)",
        "drop_mlp(layer=0,pos=0) 1 7 sink_mass 0.5 0.25 -0.25;drop_mlp(layer=0,pos=0) 1 7 "
        "other_bos.sink_mass 0.125 1.0 0.875;"
        "head_off(head=1) 1 8 sink_mass - 0.75 -");
    ASK(s, "SELECT detail FROM event WHERE detail LIKE 'eval.%'",
        "eval.norm_ratio of main do head_off(head=1)");
    ASK(s, "SELECT count(*) FROM eval WHERE probe = 'main do head_off(head=1)' AND norm_ratio IS NULL", "1");
    ASK(s, "SELECT count(*) FROM final_figure WHERE metric LIKE '% do %'", "0");
    store_close(s);
    place_remove(&p);
}

/* What was measured by an older definition goes everywhere, on a changed model too; nothing else does. */
static void renewed_figures_are_of_todays_definitions(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    finished_run(s, "base0", "baseline", 0, PLAIN, 2.5);
    plant_on(s, 1, 7, "main", "sink_mass", 0.5);
    plant_on(s, 1, 7, "main do head_off(head=1)", "sink_mass", 0.75);
    run_sql(s, "DROP VIEW figure_now; CREATE VIEW figure_now AS SELECT 'mixing' AS figure, 2 AS version"
               " UNION ALL SELECT 'without_a_column', 3 UNION ALL SELECT 'sink_mass', 1");
    OK(store_renew(s, 1, &e));
    ASK(s,
        "SELECT (SELECT count(mixing) FROM eval_head) || ' ' || (SELECT count(*) FROM metric WHERE name LIKE "
        "'%without%')"
        " || ' ' || (SELECT group_concat(sink_mass) FROM eval WHERE step = 7)",
        "0 0 0.5,0.75");
    ASK(s, "SELECT count(*) FROM outdated", "0");
    store_close(s);
    place_remove(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(onset_of_planted_series),
        cmocka_unit_test(a_histogram_gives_the_rate_at_any_threshold),
        cmocka_unit_test(onset_looks_at_probe_main_alone),
        cmocka_unit_test(onset_to_the_step),
        cmocka_unit_test(final_has_one_row_a_finished_run),
        cmocka_unit_test(paired_matches_seed_and_the_rest_of_the_configuration),
        cmocka_unit_test(paired_knows_what_runs_without_a_young_key_did),
        cmocka_unit_test(paired_takes_one_baseline),
        cmocka_unit_test(param_lists_dotted_keys),
        cmocka_unit_test(views_for_people_are_of_probe_main),
        cmocka_unit_test(a_run_of_two_sweeps_is_one_result),
        cmocka_unit_test(a_young_axis_has_what_older_runs_did),
        cmocka_unit_test(about_says_what_everything_is),
        cmocka_unit_test(digest_is_of_the_figures_alone),
        cmocka_unit_test(digest_has_every_column_of_figures),
        cmocka_unit_test(a_column_is_named_once),
        cmocka_unit_test(an_outdated_figure_is_not_compared),
        cmocka_unit_test(an_effect_is_changed_minus_untouched_and_no_part_of_the_run),
        cmocka_unit_test(renewed_figures_are_of_todays_definitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
