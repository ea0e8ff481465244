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
        Path line = path_of("grep -qF '%s' ablations/claims/*.yaml", strrchr(files.path[i], '/') + 1);
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

/* Figures of a query's answer: each seed's is `answer`. `figures` inserts what the runs measured; of(NAME) in
 * it is a key of the run's configuration. */
typedef struct Case {
    const char *claim, *query, *figures;
    double answer;
} Case;

#define OF(key)       "(config ->> '$." key "')"
#define STEPS(values) "FROM run, json_each('" values "') AS x"

#define VALLEY                                                                                               \
    "INSERT INTO eval_layer (run_id, step, probe, layer, norm_ratio, entropy_norm, sink_rate_03)"            \
    " SELECT run.id, 100, 'main', value, exp(0.05 * value * value), 0.9 - 0.01 * value * value,"             \
    " 0.02 * value * value " STEPS(                                                                          \
        "[0, 1, 2, 3, 4, 5, 6, 7]") ";"                                                                      \
                                    "INSERT INTO eval (run_id, step, probe, norm_ratio, entropy_norm_min, "  \
                                    "sink_rate_03)"                                                          \
                                    " SELECT run.id, value, 'main', exp(0.02 * value), CASE value WHEN 0 "   \
                                    "THEN "                                                                  \
                                    "0.8 WHEN 50 THEN 0.7 ELSE 0.4 END,"                                     \
                                    " iif(value = 100, 0.4, 0) " STEPS("[0, 50, 100]")

/* The norm ratio passes 3 and the sink rate 0.1 between steps 10 and 20. Update 10 is none that is kept. */
#define GRADIENT                                                                                             \
    "INSERT INTO eval (run_id, step, probe, norm_ratio, sink_rate_03)"                                       \
    " SELECT run.id, value, 'main', iif(value < 15, 1, 4), iif(value < 15, 0, 0.2) " STEPS(                  \
        "[0, 10, 20, 100]") ";"                                                                              \
                            "INSERT INTO step_layer (run_id, step, layer, gradient_sink) SELECT run.id, "    \
                            "value, "                                                                        \
                            "0,"                                                                             \
                            " CASE value WHEN 1 THEN 2 WHEN 8 THEN 3 WHEN 10 THEN 100 ELSE 9 END " STEPS(    \
                                "[1, 8, 10, 16]") ";"                                                        \
                                                  "INSERT INTO step_layer (run_id, step, layer, "            \
                                                  "gradient_sink) SELECT run.id, value, 1, 1 " STEPS(        \
                                                      "[1, 8]") ";"                                          \
                                                                "INSERT INTO eval_layer (run_id, step, "     \
                                                                "probe, layer, gradient_sink) SELECT "       \
                                                                "run.id, "                                   \
                                                                "value, 'main', 0,"                          \
                                                                " CASE value WHEN 0 THEN 1 WHEN 10 THEN 4 "  \
                                                                "WHEN 20 THEN 5 ELSE 6 END " STEPS(          \
                                                                    "[0, 10, 20, 100]")

/* What BOS takes: 0.1, twice as much with eight layers, three times as much at a context of 128. */
#define MIXING                                                                                               \
    "INSERT INTO eval (run_id, step, probe, mixing) SELECT run.id, 100, 'main', 0.2 + 0.01 * seed"           \
    " + 0.1 * (variant = 'no_bos') * iif(" OF("model.layers") " = 8, 2, 1) * iif(" OF(                       \
        "model.context") " = 128, 3, 1) FROM run; INSERT INTO "                                              \
                         "metric SELECT run.id, 100, 'main.layer.' || "                                      \
                         "(" OF("model.layers") " - 1) || "                                                  \
                                                "'.rank_collapse', "                                         \
                                                "0.8 - 0.1 * "                                               \
                                                "(variant = "                                                \
                                                "'no_bos') FROM "                                            \
                                                "run;"                                                       \
                                                "INSERT INTO "                                               \
                                                "metric SELECT run.id, "                                     \
                                                "100, "                                                      \
                                                "'main.layer.0."                                             \
                                                "rank_collapse', 7 "                                         \
                                                "* (variant = "                                              \
                                                "'no_bos') FROM run"

#define SIZE                                                                                                 \
    "INSERT INTO eval (run_id, step, probe, mixing) SELECT run.id, 100, 'main', 0.2"                         \
    " + 0.001 * (variant = 'no_bos') * " OF(                                                                 \
        "model.width") " FROM run;"                                                                          \
                       "INSERT INTO metric SELECT run.id, 100, 'main.layer.' || (" OF(                       \
                           "model.layers") " - 1) || "                                                       \
                                           "'.rank_collapse_rest', 0.5 - 0.2 * (variant = 'no_bos') FROM "   \
                                           "run;"                                                            \
                                           "INSERT INTO metric SELECT run.id, 100, "                         \
                                           "'main.layer.0.rank_collapse_rest', 7 * (variant = 'no_bos') "    \
                                           "FROM run"

/* The better cell has a lower loss; what the norm does stands in figures of its own. */
#define HEADS                                                                                                 \
    "INSERT INTO eval (run_id, step, probe, val_loss) SELECT run.id, 100, 'main', 3 + 0.1 * seed + " OF(      \
        "optim.lr") " - 0.25 * (" OF("model.head_out") " = 'rmsnorm') FROM run;"                              \
                                                       "INSERT INTO eval_layer (run_id, step, probe, "        \
                                                       "layer, effective_rank_stacked, dom_ratio_first)"      \
                                                       " SELECT run.id, 100, 'main', value, 10 + 2 * value "  \
                                                       "* "                                                   \
                                                       "(" OF(                                                \
                                                           "model.head_out") " = 'rmsnorm'),"                 \
                                                                             " 20 - 4 * value * (" OF(        \
                                                                                 "model.head_out") " = "      \
                                                                                                   "'rmsnor"  \
                                                                                                   "m')"      \
                                                                                                   " " STEPS( \
                                                                                                       "[0,"  \
                                                                                                       " 1"   \
                                                                                                       "]")

#define DECAY                                                                                                \
    "INSERT INTO eval (run_id, step, probe, sink_rate_03) SELECT run.id, 100, 'main', CASE " OF(             \
        "optim.weight_decay") " WHEN 0 THEN 0.125 WHEN 0.1 THEN 0.25 WHEN 0.5 THEN 0.75 ELSE 0 END FROM run"

#define LATE                                                                                                 \
    "INSERT INTO eval (run_id, step, probe, massive_ratio) SELECT run.id, 100, 'main', 9 FROM run;"          \
    "INSERT INTO eval_layer (run_id, step, probe, layer, kurtosis) SELECT run.id, 100, 'main', value,"       \
    " 3 + value * (" OF("optim.schedule") " = 'cosine') " STEPS("[0, 1]")

#define BOS                                                                                                  \
    "INSERT INTO eval (run_id, step, probe, sink_rate_03, bos_cost_late) SELECT run.id, 100, value,"         \
    " iif(value = 'main', 0.5, 0.125) + (variant = 'no_bos'), iif(value = 'main', NULL, 0.0625) " STEPS(     \
        "[\"main\", \"other_bos\"]")

/* Shared weights: one head, one channel; units of layer 0 alone. A shared text: none. */
#define SEEDS                                                                                                \
    "INSERT INTO eval_head (run_id, step, probe, layer, head, sink_mass) SELECT run.id, 100, 'main', "       \
    "value, 0,"                                                                                              \
    " value = iif(" OF("seeds.init") " = 0, 1, seed) " STEPS(                                                \
        "[0, 1, 2, 3, 4, 5, 6, 7, 8]") ";"                                                                   \
                                       "INSERT INTO eval_layer (run_id, step, probe, layer, "                \
                                       "massive_channel, super_unit) SELECT run.id, 100, 'main', value,"     \
                                       " iif(" OF("seeds.init") " = 0, 59, seed), iif(" OF(                  \
                                           "seeds.init") " = 0 AND value = 0, 7, seed) " STEPS("[0, 1]")

#define EXCLUSIVE                                                                                            \
    "INSERT INTO eval (run_id, step, probe, sink_rate_03) SELECT run.id, 100, 'main', 0.03 + (variant = "    \
    "'baseline') FROM run;"                                                                                  \
    "INSERT INTO eval_head (run_id, step, probe, layer, head, diagonal) SELECT run.id, 100, 'main', value, " \
    "0,"                                                                                                     \
    " 0.1 + 0.5 * value * (variant = 'exclusive') " STEPS("[0, 1]")

#define SCALE                                                                                                \
    "INSERT INTO eval (run_id, step, probe, sink_rate_03, massive_ratio)"                                    \
    " SELECT run.id, 100, 'main', 0.5 - 0.125 * (variant <> 'baseline'), 9 FROM run;"                        \
    "INSERT INTO eval_layer (run_id, step, probe, layer, gradient_sink) SELECT run.id, 100, 'main', value,"  \
    " 7 - 4 * value * (variant <> 'baseline') " STEPS("[0, 1]")

/* Of twelve layers the lens loss rises after the sixth, the norm falls after the last, the valley is at the
 * sixth. */
#define DEPTH                                                                                                \
    "INSERT INTO eval_layer (run_id, step, probe, layer, mixing, entropy_norm, norm_ratio, lens_loss)"       \
    " SELECT run.id, 100, 'main', value, 1 - 0.05 * value, 0.5 + 0.1 * abs(value - 5),"                      \
    " iif(value = 11, 2.75, value + 1), iif(value = 5, 0, -value) " STEPS(                                   \
        "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]")

#define PACKING                                                                                              \
    "INSERT INTO eval (run_id, step, probe, sink_rate_03) SELECT run.id, 100, value,"                        \
    " CASE " OF(                                                                                             \
        "data.bos") " WHEN 'none' THEN 0.125 WHEN 'row' THEN iif(value = 'main', 0.5, 0.25) ELSE 0.375 END"  \
                    " + 0.25 * (" OF("data.mask") " = 'document' AND value = 'main') " STEPS(                \
                        "[\"main\", \"other_bos\"]")

#define CHAIN                                                                                                \
    "INSERT INTO eval_layer (run_id, step, probe, layer, out_variance_ratio) SELECT run.id, value, "         \
    "'random', 0, 7 + value " STEPS("[0, 100]") ";"                                                          \
                                                "INSERT INTO eval_layer (run_id, step, probe, layer, "       \
                                                "entropy_norm, super_ratio, dom_ratio_first, sink_rate_03)"  \
                                                " SELECT run.id, value, 'main', 0, 0.5, exp(0.02 * value), " \
                                                "exp(CASE value WHEN 0 THEN 0 WHEN 50 THEN 1 ELSE 4 END),"   \
                                                " iif(value = 100, 0.4, 0) " STEPS("[0, 50, 100]")

#define NOOP                                                                                                 \
    "INSERT INTO metric SELECT run.id, 100, 'main.layer.0.head.' || value || '.dormant_other', 0.9 - 0.4 * " \
    "value " STEPS("[0, 1]") ";"                                                                             \
                             "INSERT INTO metric SELECT run.id, 100, 'main.layer.0.head.' || value || "      \
                             "'.dormant_trigger', 0.2 + 0.2 * value " STEPS(                                 \
                                 "[0, 1]") ";INSERT INTO metric SELECT run.id, 50, "                         \
                                           "'main.layer.0.head.0.dormant_other', 5 FROM run"

/* After 8,192 to 212,992 rows. */
#define ROWS                                                                                                 \
    "WITH x AS (SELECT run.id, config ->> '$.model.context' AS context, config ->> '$.train.batch_tokens' "  \
    "AS "                                                                                                    \
    "tokens, value AS seen FROM run, json_each('[8192, 16384, 53248, 65536, 212992]'))"                      \
    " INSERT INTO eval (run_id, step, probe, sink_rate_03, sink_mass)"                                       \
    " SELECT id, seen * context / tokens, 'main', context * (1 + seen / 65536.0) / 1024, 0 FROM x"

static const Case cases[] = {
    {"rows", "rows_gain.sql(context=128, rows=65536, rows_32=65536)", ROWS, 0.1875},
    {"rows", "rows_gain.sql(context=512, rows=65536, rows_32=65536)", ROWS, 0.9375},
    {"rows", "rows_gain.sql(context=128, rows=212992, rows_32=212992)", ROWS, 0.3984375},
    {"rows", "rows_gain.sql(context=128, rows=53248, rows_32=212992)", ROWS, 0.09375},
    {"rows-large", "rows-large_gain.sql(rows_a_step=64, rows=65536, rows_32=65536)", ROWS, 0.1875},
    {"rows-large", "rows-large_gain.sql(rows_a_step=16, rows=65536, rows_32=65536)", ROWS, 0.1875},
    {"rows-large", "rows-large_gain.sql(rows_a_step=16, rows=16384, rows_32=65536)", ROWS, 0.09375},
    {"exclusive", "exclusive_left.sql", EXCLUSIVE, 0.03},
    {"exclusive", "exclusive_own.sql", EXCLUSIVE, 0.25},
    {"value-scale", "value-scale_sink.sql", SCALE, -0.125},
    {"value-scale", "value-scale_gradient.sql", SCALE, -2},
    {"depth", "depth_mixing.sql", DEPTH, 0.95},
    {"depth", "depth_valley.sql", DEPTH, 0.5},
    {"depth", "depth_norm.sql", DEPTH, 0.25},
    {"depth", "depth_lens.sql", DEPTH, 10.0 / 11},
    {"packing", "packing_none.sql(mask=causal, bos=row)", PACKING, 0.375},
    {"packing", "packing_lost.sql(mask=causal)", PACKING, 0.25},
    {"packing", "packing_none.sql(mask=document, bos=row)", PACKING, 0.375},
    {"packing", "packing_lost.sql(mask=document)", PACKING, 0.5},
    {"packing", "packing_none.sql(mask=document, bos=document)", PACKING, 0.25},
    {"chain", "chain_variance.sql", CHAIN, 7},
    {"chain", "chain_lag.sql(first=unit, next=channel)", CHAIN, 0.12493873660829993}, /* at 50 and 66.7 */
    {"chain", "chain_lag.sql(first=channel, next=sink)", CHAIN, 0.05115252244738129}, /* and 75 */
    {"noop", "noop_parked.sql", NOOP, 0.7},
    {"seeds", "seeds_agree.sql(what=head, side=init=0 data=null)", SEEDS, 1},
    {"seeds", "seeds_agree.sql(what=head, side=init=null data=0)", SEEDS, 0},
    {"seeds", "seeds_agree.sql(what=channel, side=init=0 data=null)", SEEDS, 1},
    {"seeds", "seeds_agree.sql(what=channel, side=init=null data=0)", SEEDS, 0},
    {"seeds", "seeds_agree.sql(what=unit, side=init=0 data=null)", SEEDS, 0.5},
    {"seeds", "seeds_agree.sql(what=unit, side=init=null data=0)", SEEDS, 0},
    {"valley", "valley_with_norm.sql(figure=entropy_norm)", VALLEY, -1},
    {"valley", "valley_with_norm.sql(figure=sink_rate_03)", VALLEY, 1},
    {"valley", "valley_together.sql", VALLEY, 0.17609125905568124}, /* at 50, 66.7 and 75 */
    {"gradient", "gradient_before.sql", GRADIENT, 3},
    {"gradient", "gradient_growth.sql", GRADIENT, 1.5},
    {"gradient", "gradient_follows.sql", GRADIENT, 1.5},
    {"mixing", "mixing_gap.sql", MIXING, 0.3},
    {"mixing", "mixing_collapse.sql", MIXING, -0.1},
    {"mixing", "mixing_growth.sql(key=model.layers, small=4, large=8, runs=4)", MIXING, 0.2},
    {"mixing", "mixing_growth.sql(key=model.context, small=32, large=128, runs=4)", MIXING, 0.3},
    {"mixing-size", "mixing_rest.sql", SIZE, -0.2},
    {"mixing-size", "mixing_growth.sql(key=model.width, small=64, large=256, runs=2)", SIZE, 0.192},
    {"head-rmsnorm", "head-rmsnorm_gain.sql", HEADS, 0.25},
    {"head-rmsnorm", "head-rmsnorm_rank.sql", HEADS, 1},
    {"head-rmsnorm", "head-rmsnorm_dominance.sql", HEADS, -2},
    {"weight-decay", "weight-decay_gain.sql(low=0.1, high=0.5)", DECAY, 0.5},
    {"weight-decay", "weight-decay_gain.sql(low=0.5, high=2)", DECAY, -0.75},
    {"late-outliers", "late-outliers_kurtosis.sql", LATE, 0.5},
    {"bos", "bos_sink_lost.sql", BOS, 0.375},
    {"bos", "bos_cost.sql", BOS, 0.0625},
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
        run_sql(s, c->figures);
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

/* The first mass of ROWS' evaluations as a law of rows, context and rows a step; runs are tuned by a loss
 * of 1. */
static const char law_sql[] = ROWS
    ";UPDATE eval SET val_loss = 1, sink_mass = (SELECT 0.3 + 0.01 * log2(step * tokens / context)"
    " + 0.02 * log2(context) - 0.03 * log2(tokens / context) + 0.004 * log2(context) * log2(tokens / context)"
    " FROM (SELECT config ->> '$.model.context' AS context, config ->> '$.train.batch_tokens' AS tokens"
    " FROM run WHERE id = run_id))";

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
        run_sql(s, law_sql);
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

/* A query whose answer is :x of every seed, asked `with`: what is said, or NULL and the answers. */
static void ask_with(const char *with, const char *said, const char *answers) {
    static const char sql[] = "-- Asks.\nSELECT seed, :x FROM own";
    Place p = place_make();
    Path file = path_of("%s/asked.yaml", p.folder);
    Path text = path_of("name: asked\nseeds: 2\nexpect: [{query: q.sql, at_least: 0%s}]\n", with);
    OK(file_write(path_of("%s/q.sql", p.folder).s, sql, sizeof sql - 1, &e));
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
    ask_with(", with: {x: 0.5}", NULL, "real0.5,real0.5");
    ask_with(", with: {x: 2}", NULL, "real2.0,real2.0"); /* the column's own type */
    ask_with("", "1 parameters, and with: gives 0", NULL);
    ask_with(", with: {x: 1, y: 2}", "has no :y", NULL);
    ask_with(", with: {x: [1]}", "expected a value", NULL);
    ask_with(", with: {}", "expected {NAME: VALUE", NULL);
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
        cmocka_unit_test(what_is_asked_has_a_name_in_documents),
        cmocka_unit_test(results_say_what_the_committed_runs_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
