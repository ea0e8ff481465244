/* The claims of ablations/claims: each can be asked, their queries answer planted runs as they should, and
 * RESULTS.md is what the committed results say. */
#include "ablations/sweep/fit.h"
#include "ablations/sweep/plan.h"
#include "ablations/sweep/sweep_answers.h"
#include "ablations/sweep/verdict.h"
#include "data/base/files.h"
#include "data/base/listing.h"
#include "data/base/rng.h"
#include "tests/ablations/sweep_fixture.h"

#include <sys/wait.h>

static bool is_claim(const char *path) {
    return strstr(path, ".yaml");
}

static bool is_query(const char *path) {
    return strstr(path, ".sql");
}

static Sweep *load(const char *path) {
    Error e = {0};
    Sweep *s = sweep_load(path, 0, NULL, &e);
    if (!s) fail_msg("%s", e.text);
    return s;
}

/* The sweep without any run, which needs no text. */
static void register_sweep(const Sweep *sweep, Store *s) {
    Plan p;
    OK(plan_make_known(&p, sweep, &e));
    OK(plan_register(&p, p.runs, s, &e));
    plan_free(&p);
}

static void every_claim_says_what_it_needs_and_can_be_asked(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    FileList files = {0};
    OK(files_list(&files, "ablations/claims", is_claim, &e));
    assert_true(files.files > 5);
    FILE *nowhere = fopen("/dev/null", "w");
    for (int64_t i = 0; i < files.files; i++) {
        Sweep *sweep = load(files.path[i]);
        if (!*sweep->claim || !*sweep->source || !*sweep->note || !sweep->expectations)
            fail_msg("%s: wants claim, source, note and expect", files.path[i]);
        if (!strstr(files.path[i], path_of("/%s.yaml", sweep->name).s))
            fail_msg("%s: another name", files.path[i]);
        register_sweep(sweep, s);
        OK(sweep_ask(sweep, s, &e));
        OK(verdict_print(nowhere, sweep, s, VERDICT_MARKDOWN, &e));
        sweep_free(sweep);
    }
    fclose(nowhere);
    files_free(&files);
    store_close(s);
    place_remove(&p);
}

static void every_query_begins_with_its_question_and_is_asked(void **state) {
    (void)state;
    FileList files = {0};
    OK(files_list(&files, "ablations/claims", is_query, &e));
    for (int64_t i = 0; i < files.files; i++) {
        Bytes text = {0};
        OK(file_read(files.path[i], &text, &e));
        if (strncmp(text.data, "-- ", 3)) fail_msg("%s: no question", files.path[i]);
        bytes_free(&text);
        Path line =
            path_of("grep -rqF --include='*.yaml' '%s' ablations/claims", strrchr(files.path[i], '/') + 1);
        if (system(line.s)) fail_msg("%s: no claim asks it", files.path[i]);
    }
    files_free(&files);
}

/* ---- planted runs ---- */

/* A done run of 100 steps at each place of the sweep, with its configuration. */
static void plant_runs(const Sweep *sweep, Store *s) {
    register_sweep(sweep, s);
    for (int i = 0; i < sweep_runs(sweep); i++) {
        Config c;
        char key[33];
        snprintf(key, sizeof key, "%016x%016d", (unsigned)rng_step_of(sweep->name), i);
        OK(sweep_config(sweep, i, &c, &e));
        char *json = config_json(&c, true);
        plant_row(s,
                  "INSERT INTO run (key, variant, seed, config, status, steps) VALUES (?1, ?2, ?3, ?4, "
                  "'done', 100)",
                  "ttit", key, c.variant, sweep_seed(sweep, i), json);
        free(json);
        plant_row(s,
                  "INSERT INTO sweep_run SELECT w.id, ?1, r.id FROM run AS r JOIN sweep AS w ON w.name = ?3"
                  " WHERE r.key = ?2",
                  "itt", (int64_t)i, key, sweep->name);
    }
}

/* Figures of a query's answer: each seed's is `answer`, where the runs measured what claims_figures.sql has
 * for the claim. */
typedef struct Case {
    const char *claim, *query;
    double answer;
} Case;

/* Runs the section with this name: "-- section NAME ..: what is so of it". */
static void measure(Store *s, const char *name) {
    static const char mark[] = "\n-- section";
    Bytes text = {0};
    Path word = path_of(" %s ", name);
    OK(file_read("tests/ablations/claims_figures.sql", &text, &e) && bytes_append(&text, "", 1, &e));
    for (char *at = strstr(text.data, mark), *next; at; at = next) {
        next = strstr(at + 1, mark);
        char *names = at + strlen(mark);
        Path head = path_of("%.*s ", (int)strcspn(names, ":\n"), names);
        if (!strstr(head.s, word.s)) continue;
        if (next) *next = 0;
        run_sql(s, at);
        bytes_free(&text);
        return;
    }
    fail_msg("claims_figures.sql: no section %s", name);
}

static const Case cases[] = {
    {"rows", "rows_gain.sql(context=128, rows=65536, rows_32=65536)", 0.1875},
    {"rows", "rows_gain.sql(context=512, rows=65536, rows_32=65536)", 0.9375},
    {"rows", "rows_gain.sql(context=128, rows=212992, rows_32=212992)", 0.3984375},
    {"rows", "rows_gain.sql(context=128, rows=53248, rows_32=212992)", 0.09375},
    {"rows-large", "rows-large_gain.sql(rows_a_step=64, rows=65536, rows_32=65536)", 0.1875},
    {"rows-large", "rows-large_gain.sql(rows_a_step=16, rows=65536, rows_32=65536)", 0.1875},
    {"rows-large", "rows-large_gain.sql(rows_a_step=16, rows=16384, rows_32=65536)", 0.09375},
    {"exclusive", "exclusive_left.sql", 0.03},
    {"exclusive", "exclusive_own.sql", 0.25},
    {"value-scale", "value-scale_sink.sql", -0.125},
    {"value-scale", "value-scale_gradient.sql", -2},
    {"depth", "depth_mixing.sql", 0.95},
    {"depth", "depth_valley.sql", 0.5},
    {"depth", "depth_norm.sql", 0.25},
    {"depth", "depth_lens.sql", 10.0 / 11},
    {"packing", "packing_none.sql(mask=causal, bos=row)", 0.375},
    {"packing", "packing_lost.sql(mask=causal)", 0.25},
    {"packing", "packing_none.sql(mask=document, bos=row)", 0.375},
    {"packing", "packing_lost.sql(mask=document)", 0.5},
    {"packing", "packing_none.sql(mask=document, bos=document)", 0.25},
    {"chain", "chain_variance.sql", 7},
    {"chain", "chain_lag.sql(first=unit, next=channel)", 0.12493873660829993}, /* at 50 and 66.7 */
    {"chain", "chain_lag.sql(first=channel, next=sink)", 0.05115252244738129}, /* and 75 */
    {"chain-do", "chain-do_heads.sql(do=self_only(pos=10))", 0.5},
    {"chain-do", "chain-do_heads.sql(do=amplify(pos=10,lambda=4,mu=all))", 0.25},
    {"chain-do", "chain-do_heads.sql(do=scale(pos=10,lambda=4))", 0},
    {"chain-eval", "chain-eval_heads.sql(do=self_only(pos=10))", 1},
    {"chain-eval", "chain-eval_heads.sql(do=scale(pos=10,lambda=4))", 0},
    {"noop", "noop_parked.sql", 0.7},
    {"seeds", "seeds_agree.sql(what=head, side=init=0 data=null)", 1},
    {"seeds", "seeds_agree.sql(what=head, side=init=null data=0)", 0},
    {"seeds", "seeds_agree.sql(what=channel, side=init=0 data=null)", 1},
    {"seeds", "seeds_agree.sql(what=channel, side=init=null data=0)", 0},
    {"seeds", "seeds_agree.sql(what=unit, side=init=0 data=null)", 0.5},
    {"seeds", "seeds_agree.sql(what=unit, side=init=null data=0)", 0},
    {"valley", "valley_with_norm.sql(figure=entropy_norm)", -1},
    {"valley", "valley_with_norm.sql(figure=sink_rate_03)", 1},
    {"valley", "valley_together.sql", 0.17609125905568124}, /* at 50, 66.7 and 75 */
    {"gradient", "gradient_before.sql", 3},
    {"gradient", "gradient_growth.sql", 1.5},
    {"gradient", "gradient_follows.sql", 1.5},
    {"mixing", "mixing_gap.sql", 0.3},
    {"mixing", "mixing_collapse.sql", -0.1},
    {"mixing", "mixing_growth.sql(key=model.layers, small=4, large=8, runs=4)", 0.2},
    {"mixing", "mixing_growth.sql(key=model.context, small=32, large=128, runs=4)", 0.3},
    {"open/mixing-size", "mixing_rest.sql", -0.2},
    {"open/mixing-size", "../mixing_growth.sql(key=model.width, small=64, large=256, runs=2)", 0.192},
    {"head-rmsnorm", "head-rmsnorm_gain.sql", 0.25},
    {"head-rmsnorm", "head-rmsnorm_rank.sql", 1},
    {"head-rmsnorm", "head-rmsnorm_dominance.sql", -2},
    {"weight-decay", "weight-decay_gain.sql(low=0.1, high=0.5)", 0.5},
    {"weight-decay", "weight-decay_gain.sql(low=0.5, high=2)", -0.75},
    {"late-outliers", "late-outliers_kurtosis.sql", 0.5},
    {"bos", "bos_sink_lost.sql", 0.375},
    {"bos", "bos_cost.sql", 0.0625},
};

static void queries_answer_planted_runs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Case *c = &cases[i];
        Place p = place_make();
        Store *s = open_or_fail(p.db, STORE_WRITE);
        Sweep *sweep = load(path_of("ablations/claims/%s.yaml", c->claim).s);
        char sql[400], answer[256], expected[64];
        plant_runs(sweep, s);
        measure(s, c->claim);
        OK(sweep_ask(sweep, s, &e));
        snprintf(
            sql, sizeof sql,
            "SELECT count(*) || ' ' || sum(abs(value - %.17g) < 1e-9) FROM sweep_answer JOIN sweep_expect"
            " USING (sweep, place) WHERE metric = '%s'",
            c->answer, c->query);
        snprintf(expected, sizeof expected, "%d %d", sweep->judging, sweep->judging);
        if (strcmp(ask(s, sql, answer), expected)) fail_msg("%s: %s, not %s", c->query, answer, expected);
        sweep_free(sweep);
        store_close(s);
        place_remove(&p);
    }
}

/* The first fit is the law, and no other is. */
static void fits_find_a_planted_law(void **state) {
    (void)state;
    static const char *const claims[] = {"rows-16", "rows-large"};
    for (int i = 0; i < 2; i++) {
        Place p = place_make();
        Store *s = open_or_fail(p.db, STORE_WRITE);
        char answer[256];
        Sweep *sweep = load(path_of("ablations/claims/%s.yaml", claims[i]).s),
              *with = load("ablations/claims/rows.yaml");
        plant_runs(sweep, s);
        plant_runs(with, s);
        measure(s, "rows");
        measure(s, "law");
        OK(sweep_ask(sweep, s, &e));
        OK(fit_all(sweep, s, &e));
        assert_string_equal(
            ask(s, "SELECT group_concat(round(value, 9)) FROM fit_term WHERE place = 0", answer),
            "0.3,0.01,0.02,-0.03,0.004");
        assert_string_equal(
            ask(s,
                "SELECT sum(error < 1e-9 AND explained > 1 - 1e-9) || sum(above > 0.001) || count(*)"
                " || min(points > 30) FROM fit",
                answer),
            "1451");
        sweep_free(sweep);
        sweep_free(with);
        store_close(s);
        place_remove(&p);
    }
}

static const char x_of_seeds[] = "-- Asks.\nSELECT seed, :x FROM own";

/* A query, asked `with`: what is said, or NULL and the answers. */
static void ask_with(const char *sql, const char *with, const char *said, const char *answers) {
    Place p = place_make();
    Path file = path_of("%s/asked.yaml", p.folder);
    Path text = path_of("name: asked\nseeds: 2\nexpect: [{query: q.sql, at_least: 0%s}]\n", with);
    OK(file_write(path_of("%s/q.sql", p.folder).s, sql, (int64_t)strlen(sql), &e));
    OK(file_write(file.s, text.s, (int64_t)strlen(text.s), &e));
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Error e = {0};
    char answer[256];
    Sweep *sweep = sweep_load(file.s, 0, NULL, &e);
    if (sweep) {
        plant_runs(sweep, s);
        bool ok = sweep_ask(sweep, s, &e);
        if (ok && !said)
            assert_string_equal(
                ask(s, "SELECT group_concat(typeof(value) || value) FROM sweep_answer", answer), answers);
        sweep_free(sweep);
    }
    if (!said != !e.text[0]) fail_msg("%s: %s", with, e.text);
    if (said && (!strstr(e.text, said) || e.code != EXIT_USAGE)) fail_msg("%s: %s", with, e.text);
    store_close(s);
    place_remove(&p);
}

static void a_query_is_asked_with_its_parameters(void **state) {
    (void)state;
    ask_with(x_of_seeds, ", with: {x: 0.5}", NULL, "real0.5,real0.5");
    ask_with(x_of_seeds, ", with: {x: 2}", NULL, "real2.0,real2.0"); /* the column's own type */
    ask_with(x_of_seeds, "", "1 parameters, and with: gives 0", NULL);
    ask_with(x_of_seeds, ", with: {x: 1, y: 2}", "has no :y", NULL);
    ask_with(x_of_seeds, ", with: {x: [1]}", "expected a value", NULL);
    ask_with(x_of_seeds, ", with: {}", "expected {NAME: VALUE", NULL);
    ask_with("-- Asks.\nSELECT 1, seed FROM own", "", "more than one number for seed 1 (GROUP BY seed)",
             NULL);
}

/* What a file asks after it was edited goes to the expectation of that name, and to no other at its place. */
static void an_edited_file_answers_what_was_expected(void **state) {
    (void)state;
    static const char sql[] = "-- Asks.\nSELECT seed, :x FROM own";
    static const char *const texts[] = {
        "name: asked\nseeds: 2\nexpect: [{query: q.sql, with: {x: 1}, at_least: 0},"
        " {query: q.sql, with: {x: 2}, at_least: 0}, {query: q.sql, with: {x: 3}, at_least: 0}]\n",
        "name: asked\nseeds: 2\nexpect: [{query: q.sql, with: {x: 3}, at_least: 0},"
        " {query: q.sql, with: {x: 1}, at_least: 0}, {query: q.sql, with: {x: 4}, at_least: 0}]\n"};
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(file_write(path_of("%s/q.sql", p.folder).s, sql, sizeof sql - 1, &e));
    for (int i = 0; i < 2; i++) {
        Path file = path_of("%s/asked.yaml", p.folder);
        OK(file_write(file.s, texts[i], (int64_t)strlen(texts[i]), &e));
        Error e = {0};
        Sweep *sweep = sweep_load(file.s, 0, NULL, &e);
        if (!sweep) fail_msg("%s", e.text);
        if (!i) plant_runs(sweep, s);
        OK(sweep_ask(sweep, s, &e));
        sweep_free(sweep);
    }
    char answer[256];
    assert_string_equal(
        ask(s,
            "SELECT group_concat(metric || ' ' || value, ';') FROM (SELECT x.metric, a.value FROM "
            "sweep_expect AS x JOIN sweep_answer AS a USING (sweep, place) ORDER BY place, seed)",
            answer),
        "q.sql(x=1) 1.0;q.sql(x=1) 1.0;q.sql(x=3) 3.0;q.sql(x=3) 3.0");
    store_close(s);
    place_remove(&p);
}

/* A query's number has the name that its expectation gives it, and the name of its file without one. */
static void what_is_asked_has_a_name_in_documents(void **state) {
    (void)state;
    static const char sql[] = "-- Asks.\nSELECT seed, :x + seed FROM own";
    static const char text[] =
        "name: asked\nseeds: 3\nexpect:\n"
        "  - {query: q.sql, with: {x: 2}, asks: \"two, and | the seed's\", at_least: 1}\n"
        "  - {query: q.sql, with: {x: 3}, at_most: 1}\n";
    Place p = place_make();
    Path file = path_of("%s/asked.yaml", p.folder);
    OK(file_write(path_of("%s/q.sql", p.folder).s, sql, sizeof sql - 1, &e));
    OK(file_write(file.s, text, sizeof text - 1, &e));
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Error e = {0};
    Sweep *sweep = sweep_load(file.s, 0, NULL, &e);
    if (!sweep) fail_msg("%s", e.text);
    plant_runs(sweep, s);
    char out[4096] = "";
    for (int i = 0; i < 2; i++) {
        static const VerdictForm forms[] = {VERDICT_BRIEF, VERDICT_MARKDOWN};
        FILE *f = fmemopen(out, sizeof out, "w");
        OK(verdict_print(f, sweep, s, forms[i], &e));
        fclose(f);
        assert_non_null(strstr(out, "| two, and \\| the seed's: at least 1 |"));
        assert_non_null(strstr(out, "| q.sql(x=3): at most 1 |"));
    }
    sweep_free(sweep);
    store_close(s);
    place_remove(&p);
}

/* ---- what is committed ---- */

static void results_say_what_the_committed_runs_say(void **state) {
    (void)state;
    Place p = place_make();
    char line[300];
    snprintf(line, sizeof line,
             "ablations/claims/results.sh %s/out >%s/said 2>&1 || { cat %s/said; exit 1; }", p.folder,
             p.folder, p.folder);
    assert_int_equal(system(line), 0);
    snprintf(line, sizeof line, "diff ablations/RESULTS.md %s/out/RESULTS.md >&2", p.folder);
    if (system(line)) fail_msg("ablations/RESULTS.md is not what `make results` writes");
    snprintf(line, sizeof line, "diff -x '*.gz' -x README.md -r ablations/results %s/out/results >&2",
             p.folder);
    if (system(line)) fail_msg("pictures in ablations/results are not what `make results` draws");
    place_remove(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_claim_says_what_it_needs_and_can_be_asked),
        cmocka_unit_test(every_query_begins_with_its_question_and_is_asked),
        cmocka_unit_test(queries_answer_planted_runs),
        cmocka_unit_test(fits_find_a_planted_law),
        cmocka_unit_test(a_query_is_asked_with_its_parameters),
        cmocka_unit_test(an_edited_file_answers_what_was_expected),
        cmocka_unit_test(what_is_asked_has_a_name_in_documents),
        cmocka_unit_test(results_say_what_the_committed_runs_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
