/* Every file of ablations/queries: it begins with its question, and answers it on planted results. */
#include "ablations/sweep/student_t.h"
#include "data/base/files.h"
#include "tests/ablations/sweep_fixture.h"

#include <dirent.h>

/* Runs 1 and 2 are baselines (seeds 0, 1), 3 and 4 have no BOS, 5 diverged. 40 steps of 100 tokens, run 4
 * only 30; an evaluation every 10. Two layers of two heads. Sinks of the baselines begin at 20, in layer 1.
 */
static const char planted[] =
    "CREATE TEMP TABLE at (id, variant, seed, last, status);"
    "INSERT INTO at VALUES (1, 'baseline', 0, 40, 'done'), (2, 'baseline', 1, 40, 'done'),"
    " (3, 'no_bos', 0, 40, 'done'), (4, 'no_bos', 1, 30, 'done'), (5, 'baseline', 2, 10, 'diverged');"
    "INSERT INTO run (id, key, variant, seed, config, status, corpus, threads, cpu, steps, parameters,"
    "  flops_per_token, heartbeat)"
    " SELECT id, 'key' || id, variant, seed, json_object('variant', variant, 'seed', seed,"
    "  'model', json_object('context', 32, 'layers', 2, 'heads', 2), 'data', json_object('bos', iif(variant "
    "= 'no_bos', 'none', "
    "'row'),"
    "  'tokenizer', 'bpe', 'vocab', 64)), status, 'words', 1, 'some', 40, 1000, 1e9, 'then' FROM at;"
    "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
    " INSERT INTO step SELECT id, i, 100 * i, 4 - 0.05 * i, iif(id = 2 AND i = 35, 9, 1), 0.001, 100, "
    "  iif(i % 10, NULL, 250), iif(i % 20, NULL, 10) FROM at, n WHERE i <= last;"
    "CREATE TEMP TABLE moment AS SELECT at.id, variant = 'baseline' AS sinks, value AS step"
    " FROM at, json_each('[0, 10, 20, 30, 40]') WHERE value <= last;"
    "INSERT INTO eval (run_id, step, probe, T, val_loss, bits_per_byte, sink_rate_03, sink_mass, "
    "uniform_mass,"
    "  value_drain, norm_ratio, massive_ratio)"
    " SELECT id, step, 'main', 32, 5 - 0.05 * step + 0.25 * id, (5 - 0.05 * step + 0.25 * id) / 2,"
    "  iif(sinks AND step >= 20, step * 0.01, 0), 0.25, 0.125, 0.5, iif(sinks AND step >= 10, 4, 1),"
    "  exp(iif(sinks AND step >= 20, step * 0.01, 0)) FROM moment"
    " UNION ALL SELECT id, step, 'other_bos', 32, 7 + id, NULL, 0, 0.1, 0.125, NULL, NULL, NULL FROM moment"
    "  WHERE step IN (0, 30)"
    " UNION ALL SELECT id, step, 'context', 32, NULL, NULL, 0.5, 0.1, 0.125, NULL, NULL, NULL FROM moment"
    "  WHERE step IN (0, 40);"
    "UPDATE eval SET val_loss_late = val_loss, val_loss_16k = val_loss, sequences = 100 WHERE probe = 'main';"
    "UPDATE eval SET bos_cost = 0.125, bos_cost_se = 0.01, bos_cost_late = 0.25, bos_cost_late_se = 0.02, "
    "bos_cost_rows = 8"
    " WHERE probe = 'other_bos';"
    "INSERT INTO eval_layer (run_id, step, probe, layer, sink_rate_03)"
    " SELECT moment.id, step, 'main', value, iif(sinks AND step >= 30 - 10 * value, 0.5, 0)"
    " FROM moment, json_each('[0, 1]');"
    "UPDATE eval_layer SET massive_top = iif(run_id = 1, 3 - layer, 1 + 2 * layer), massive_channel = 5 + "
    "layer * (run_id = 2)"
    " WHERE run_id < 3;" /* run 1 takes it back, run 2 adds to it in another channel */
    "INSERT INTO eval_head (run_id, step, probe, layer, head, sink_mass, sink_position, sink_position_mass,"
    "  value_drain, dormant)"
    " SELECT moment.id, step, 'main', value / 2, value % 2, iif(sinks, 2, 1) * (0.05 + 0.1 * value),"
    "  iif(moment.id = 4 AND value = 3, 5, 0), 0.4, 1 - value * 0.1, 0.5 FROM moment, json_each('[0, 1, 2, "
    "3]');"
    "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
    " INSERT INTO step_head (run_id, step, layer, head, first_mass)"
    " SELECT at.id, i, 1, value, iif(variant = 'baseline' AND i > 20, 0.9, 0.1) + iif(value, 0.0625, -0.0625)"
    " FROM at, n, json_each('[0, 1]') WHERE i <= last;"
    "INSERT INTO step_layer (run_id, step, layer, gradient_sink)" /* falls to 4, past 4.8 for good at 16, or
                                                                     20 */
    " SELECT at.id, s.value, l.value, iif(l.value, 1, CASE WHEN s.value = 4 THEN 8 WHEN s.value = 8 THEN 4"
    "  WHEN s.value >= 12 + 4 * at.id OR (at.id = 2 AND s.value = 12) THEN 5 ELSE 4.5 END)"
    " FROM at, json_each('[4, 8, 12, 16, 20, 24]') AS s, json_each('[0, 1]') AS l WHERE at.id < 3;"
    "UPDATE eval_head SET sink_mass = 0.2 WHERE layer = 1 AND head = 0 AND run_id = 2 AND step = 20;"
    "UPDATE eval_head SET sink_mass = 0.1 WHERE layer = 1 AND head = 1 AND run_id = 5 AND step = 10;"
    "INSERT INTO event (run_id, step, kind, detail, at) VALUES (5, 10, 'diverged', 'loss inf', 'then');"
    "INSERT INTO sweep (id, name, file, claim) VALUES (1, 'bos', '', 'No BOS, no sink.');"
    "INSERT INTO sweep_expect VALUES (1, 0, 'sink_rate_03', 'lower', 0.1, 'bos=row', NULL);"
    "INSERT INTO sweep_run SELECT 1, id - 1, id FROM at WHERE id < 5;"
    "INSERT INTO sweep_cell SELECT 1, id - 1, (id - 1) / 2, side, side, 'all', 1"
    " FROM (SELECT id, iif(sinks, 'bos=row', 'bos=none') AS side FROM moment WHERE step = 0 AND id < 5);";

static const struct Answer {
    const char *file, *rows;
} answers[] = {
    {"loss_at_equal_tokens.sql", "1|baseline|2|3000|3.875|3.75|4.0\n"
                                 "1|no_bos|2|3000|4.375|4.25|4.5\n"},
    {"bits_per_byte.sql", "words|none|1.875|3.75|no_bos|0|bpe|64|1000|key3\n"
                          "words|none|2.25|4.5|no_bos|1|bpe|64|1000|key4\n"
                          "words|row|1.625|3.25|baseline|0|bpe|64|1000|key1\n"
                          "words|row|1.75|3.5|baseline|1|bpe|64|1000|key2\n"},
    {"onset_by_variant.sql", "baseline|2|2|20|20.0|20|2000.0\n"
                             "no_bos|2|0||||\n"},
    {"heads_by_sink_mass.sql", "baseline|0|1|1|0.7|0.125|0.7|0.5|key1\n"
                               "baseline|1|1|1|0.7|0.125|0.7|0.5|key2\n"
                               "baseline|0|1|0|0.5|0.125|0.8|0.5|key1\n"
                               "baseline|1|1|0|0.5|0.125|0.8|0.5|key2\n"
                               "no_bos|0|1|1|0.35|0.125|0.7|0.5|key3\n"
                               "no_bos|1|1|1|0.35|0.125|0.7|0.5|key4\n"
                               "baseline|0|0|1|0.3|0.125|0.9|0.5|key1\n"
                               "baseline|1|0|1|0.3|0.125|0.9|0.5|key2\n"
                               "no_bos|0|1|0|0.25|0.125|0.8|0.5|key3\n"
                               "no_bos|1|1|0|0.25|0.125|0.8|0.5|key4\n"
                               "no_bos|0|0|1|0.15|0.125|0.9|0.5|key3\n"
                               "no_bos|1|0|1|0.15|0.125|0.9|0.5|key4\n"
                               "baseline|0|0|0|0.1|0.125|1.0|0.5|key1\n"
                               "baseline|1|0|0|0.1|0.125|1.0|0.5|key2\n"
                               "no_bos|0|0|0|0.05|0.125|1.0|0.5|key3\n"
                               "no_bos|1|0|0|0.05|0.125|1.0|0.5|key4\n"},
    {"norm_ratio_leads_or_follows.sql", "baseline|0|0|10|10|20|leads|key1\n"
                                        "baseline|1|0|10|10|20|leads|key2\n"
                                        "baseline|2|||||neither|key5\n"
                                        "no_bos|0|||||neither|key3\n"
                                        "no_bos|1|||||neither|key4\n"},
    {"tokens_to_loss.sql", "1|no_bos|0|4.5|30|3000|3.0|key3\n"
                           "1|no_bos|1|4.5|30|3000|3.0|key4\n"
                           "2|baseline|0|4.5|20|2000|2.0|key1\n"
                           "2|baseline|1|4.5|20|2000|2.0|key2\n"},
    {"cost_per_run.sql", "baseline|0|done|4000|1000|4.0|1.0|0.0|19.9|1000.0|4.0|1|some|key1\n"
                         "baseline|1|done|4000|1000|4.0|1.0|0.0|19.9|1000.0|4.0|1|some|key2\n"
                         "no_bos|0|done|4000|1000|4.0|1.0|0.0|19.9|1000.0|4.0|1|some|key3\n"
                         "no_bos|1|done|3000|1000|3.0|0.8|0.0|19.9|1000.0|3.0|1|some|key4\n"
                         "baseline|2|diverged|1000|1000|1.0|0.3|0.0|20.0|1000.0|1.0|1|some|key5\n"},
    {"first_layer.sql", "baseline|0|1|20|1|key1\n"
                        "baseline|0|0|30|2|key1\n"
                        "baseline|1|1|20|1|key2\n"
                        "baseline|1|0|30|2|key2\n"},
    {"value_drain_against_mass.sql", "baseline|0|4|-1.0|0.8|1.0|key1\n"
                                     "baseline|1|4|-1.0|0.8|1.0|key2\n"
                                     "no_bos|0|4|-1.0|0.7|0.9|key3\n"
                                     "no_bos|1|4|-1.0|0.7|0.9|key4\n"},
    {"seed_or_variant.sql", "norm_ratio|2|4|1.5|0.0|1.0\n"
                            "sink_rate_03|2|4|0.2|0.0|1.0\n"
                            "val_loss_late|2|4|0.375|0.3953|0.643\n"
                            "value_drain|2|4|0.0|0.0|\n"},
    {"along_tokens.sql", "baseline|0|0|0|32|0.0|0.25|0.125|0.5|1.0|5.25|key1\n"
                         "baseline|0|1000|10|32|0.0|0.25|0.125|0.5|4.0|4.75|key1\n"
                         "baseline|0|2000|20|32|0.2|0.25|0.125|0.5|4.0|4.25|key1\n"
                         "baseline|0|3000|30|32|0.3|0.25|0.125|0.5|4.0|3.75|key1\n"
                         "baseline|0|4000|40|32|0.4|0.25|0.125|0.5|4.0|3.25|key1\n"
                         "baseline|1|0|0|32|0.0|0.25|0.125|0.5|1.0|5.5|key2\n"
                         "baseline|1|1000|10|32|0.0|0.25|0.125|0.5|4.0|5.0|key2\n"
                         "baseline|1|2000|20|32|0.2|0.25|0.125|0.5|4.0|4.5|key2\n"
                         "baseline|1|3000|30|32|0.3|0.25|0.125|0.5|4.0|4.0|key2\n"
                         "baseline|1|4000|40|32|0.4|0.25|0.125|0.5|4.0|3.5|key2\n"
                         "baseline|2|0|0|32|0.0|0.25|0.125|0.5|1.0|6.25|key5\n"
                         "baseline|2|1000|10|32|0.0|0.25|0.125|0.5|4.0|5.75|key5\n"
                         "no_bos|0|0|0|32|0.0|0.25|0.125|0.5|1.0|5.75|key3\n"
                         "no_bos|0|1000|10|32|0.0|0.25|0.125|0.5|1.0|5.25|key3\n"
                         "no_bos|0|2000|20|32|0.0|0.25|0.125|0.5|1.0|4.75|key3\n"
                         "no_bos|0|3000|30|32|0.0|0.25|0.125|0.5|1.0|4.25|key3\n"
                         "no_bos|0|4000|40|32|0.0|0.25|0.125|0.5|1.0|3.75|key3\n"
                         "no_bos|1|0|0|32|0.0|0.25|0.125|0.5|1.0|6.0|key4\n"
                         "no_bos|1|1000|10|32|0.0|0.25|0.125|0.5|1.0|5.5|key4\n"
                         "no_bos|1|2000|20|32|0.0|0.25|0.125|0.5|1.0|5.0|key4\n"
                         "no_bos|1|3000|30|32|0.0|0.25|0.125|0.5|1.0|4.5|key4\n"},
    {"gradient_spikes.sql", "baseline|1|done|1|35|35|9.0|-0.525|key2\n"},
    {"two_runs.sql", "config|data.bos|none|row\n"
                     "config|seed|1|2\n"
                     "config|variant|no_bos|baseline\n"
                     "outcome|bits_per_byte|2.25|\n"
                     "outcome|context.sink_mass|0.1|\n"
                     "outcome|context.sink_rate_03|0.5|\n"
                     "outcome|context.uniform_mass|0.125|\n"
                     "outcome|massive_ratio|1.0|\n"
                     "outcome|norm_ratio|1.0|\n"
                     "outcome|other_bos.bos_cost|0.125|\n"
                     "outcome|other_bos.bos_cost_late|0.25|\n"
                     "outcome|other_bos.bos_cost_late_se|0.02|\n"
                     "outcome|other_bos.bos_cost_se|0.01|\n"
                     "outcome|other_bos.sink_mass|0.1|\n"
                     "outcome|other_bos.sink_rate_03|0.0|\n"
                     "outcome|other_bos.uniform_mass|0.125|\n"
                     "outcome|other_bos.val_loss|11.0|\n"
                     "outcome|sink_mass|0.25|\n"
                     "outcome|sink_rate_03|0.0|\n"
                     "outcome|uniform_mass|0.125|\n"
                     "outcome|val_loss|4.5|\n"
                     "outcome|val_loss_16k|4.5|\n"
                     "outcome|val_loss_late|4.5|\n"
                     "outcome|value_drain|0.5|\n"},
    {"price_of_no_sink.sql", "no_bos|2|val_loss_late|0.75|0.5|1.0|-0.4|-3.0|0.0\n"},
    {"sink_elsewhere.sql", "no_bos|1|1|1|5|0.4|0.35|key4\n"},
    {"bos_dependence.sql", "baseline|0|row|0.125|0.01|0.25|0.02|8|0.4|0.0|key1\n"
                           "baseline|1|row|0.125|0.01|0.25|0.02|8|0.4|0.0|key2\n"
                           "no_bos|0|none|0.125|0.01|0.25|0.02|8|0.0|0.0|key3\n"
                           "no_bos|1|none|0.125|0.01|0.25|0.02|8|0.0|0.0|key4\n"},
    {"context_length.sql", "baseline|32|32|2|4000|3.375|0.4|0.25|0.125|0.5\n"
                           "no_bos|32|32|2|3000|4.125|0.0|0.25|0.125|0.5\n"},
    {"unfinished.sql", "baseline|2|diverged|10|40|diverged: loss inf|then|key5\n"},
    {"massive_with_sink.sql", "baseline|0|5|1.5|1.0|key1\n"
                              "baseline|1|5|1.5|1.0|key2\n"
                              "baseline|2|2|1.0||key5\n"
                              "no_bos|0|5|1.0||key3\n"
                              "no_bos|1|4|1.0||key4\n"},
    {"transition_width.sql", "baseline|0|0.1|0.5|21|29|0.14|key1\n"
                             "baseline|1|0.1|0.5|21|29|0.14|key2\n"
                             "no_bos|0|0.1|0.1||||key3\n"
                             "no_bos|1|0.1|0.1||||key4\n"},
    {"onset_order.sql", "baseline|norm_ratio|2|3|10.0|10.0|10.0|1.0|0.0\n"
                        "baseline|gradient_sink|2|2|17.9|4.3|73.8|0.0|0.0\n"
                        "baseline|sink_rate_03|2|3|20.0|20.0|20.0|0.0|0.0\n"
                        "baseline|first_mass|2|2|24.0|24.0|24.0|0.0|1.0\n"
                        "baseline|value_drain|0|3|||||\n"
                        "no_bos|first_mass|0|2|||||\n"
                        "no_bos|norm_ratio|0|2|||||\n"
                        "no_bos|sink_rate_03|0|2|||||\n"
                        "no_bos|value_drain|0|2|||||\n"},
    {"turnover.sql", "baseline|0|4|3|3|3|0|0|key1\n"
                     "baseline|1|4|3|3|4|1|0|key2\n"
                     "baseline|2|4|3|2|3|1|1|key5\n"
                     "no_bos|0|4|1|1|1|0|0|key3\n"
                     "no_bos|1|4|1|1|1|0|0|key4\n"},
    {"sink_layer_over_time.sql", "baseline|0|20|30|1|1|0.5|key1\n"
                                 "baseline|0|30||0|0|0.5|key1\n"
                                 "baseline|1|20|30|1|1|0.5|key2\n"
                                 "baseline|1|30||0|0|0.5|key2\n"},
    {"mass_by_rows.sql", "baseline|32|3|100|3|0.1|0.1625\n"
                         "baseline|32|6|200|3|0.1|0.1625\n"
                         "baseline|32|9|300|3|0.1|0.1625\n"
                         "baseline|32|18|600|3|0.1|0.1625\n"
                         "baseline|32|34|1100|2|0.1|0.1625\n"
                         "baseline|32|65|2100|2|0.14|0.2025\n"
                         "no_bos|32|3|100|2|0.1|0.1625\n"
                         "no_bos|32|6|200|2|0.1|0.1625\n"
                         "no_bos|32|9|300|2|0.1|0.1625\n"
                         "no_bos|32|18|600|2|0.1|0.1625\n"
                         "no_bos|32|34|1100|2|0.1|0.1625\n"
                         "no_bos|32|65|2100|2|0.1|0.1625\n"},
    {"massive_steps.sql", "baseline|0|40|0|0.0|3.0|5|1|3.0|2.0|1|key1\n"
                          "baseline|1|40|1|1.0|3.0|6||||1|key2\n"},
    {"claims.sql", "bos|No BOS, no sink.|sink_rate_03 lower by more than "
                   "0.1|bos=none|all|2|-0.4|-0.4225|-0.3775|supported|0|\n"},
};
enum { ANSWERS = sizeof answers / sizeof *answers };

/* The rows that a query gives, a line each, columns joined by bars; its parameters stay unbound. */
static char *rows_of(Store *s, const char *file, const char *sql) {
    char *text = NULL;
    size_t length = 0;
    sqlite3_stmt *q = NULL;
    FILE *out = open_memstream(&text, &length);
    if (sqlite3_prepare_v2(store_db(s), sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", file, sqlite3_errmsg(store_db(s)));
    while (sqlite3_step(q) == SQLITE_ROW)
        for (int i = 0, n = sqlite3_column_count(q); i < n; i++) {
            const char *value = (const char *)sqlite3_column_text(q, i);
            fprintf(out, "%s%s", value ? value : "", i < n - 1 ? "|" : "\n");
        }
    assert_int_equal(sqlite3_finalize(q), SQLITE_OK);
    fclose(out);
    return text;
}

static char *answer_of(Store *s, const char *file) {
    Bytes sql = {0};
    OK(file_read(path_of("ablations/queries/%s", file).s, &sql, &e));
    OK(bytes_append(&sql, "", 1, &e));
    const char *end = strchr(sql.data, '\n');
    if (strncmp(sql.data, "-- ", 3) || end[-1] != '?') fail_msg("%s: no question", file);
    char *rows = rows_of(s, file, sql.data);
    bytes_free(&sql);
    return rows;
}

static void every_query_asks_and_answers(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    OK(t_quantile_fill(s, 1, &e));
    run_sql(s, planted);
    for (int i = 0; i < ANSWERS; i++) {
        char *rows = answer_of(s, answers[i].file);
        if (strcmp(rows, answers[i].rows)) fail_msg("%s answers:\n%s", answers[i].file, rows);
        free(rows);
    }
    store_close(s);
    place_remove(&p);
}

/* A sweep over other keys than the variant, as ablations/head-rmsnorm.yaml: two rates, two kinds of head, two
 * seeds, all of variant baseline. The norm costs 0.5 nats and takes the sink away; its scale goes with it. */
static const char one_variant[] =
    "CREATE TEMP TABLE at AS SELECT l.value AS lr, h.value AS head_out, s.value AS seed"
    " FROM json_each('[0.001, 0.003]') AS l, json_each('[\"none\", \"rmsnorm\"]') AS h, json_each('[0, 1]') "
    "AS s;"
    "INSERT INTO run (key, variant, seed, config, status, steps) SELECT 'key' || rowid, 'baseline', seed,"
    " json_object('variant', 'baseline', 'seed', seed, 'model', json_object('context', 32, 'head_out', "
    "head_out,"
    " 'head_out_scale', iif(head_out = 'none', 0.2, 1)), 'optim', json_object('lr', lr)), 'done', 20 FROM at;"
    "INSERT INTO step (run_id, step, tokens, ms) SELECT run.id, value, 100 * value, 1 FROM run, "
    "json_each('[10, 20]');"
    "INSERT INTO eval (run_id, step, probe, T, val_loss, sink_rate_03) SELECT at.rowid, value, 'main', 32,"
    " 3 + 0.5 * (head_out <> 'none') + 0.25 * (lr > 0.002) + 0.125 * seed, 0.4 * (head_out = 'none')"
    " FROM at, json_each('[10, 20]');"
    "UPDATE eval SET val_loss_late = val_loss, val_loss_16k = val_loss;";

#define SIDE(head_out, scale, lr)                                                                            \
    "baseline model.head_out=" head_out " model.head_out_scale=" scale " optim.lr=" lr "|"

static const struct Answer apart[] = {
    {"loss_at_equal_tokens.sql",
     "1|" SIDE("none", "0.2",
               "0.001") "2|2000|3.0625|3.0|3.125\n" /**/
                        "1|" SIDE("none", "0.2",
                                  "0.003") "2|2000|3.3125|3.25|3.375\n" /**/
                                           "1|" SIDE("rmsnorm", "1",
                                                     "0.001") "2|2000|3.5625|3.5|3.625\n" /**/
                                                              "1|" SIDE(
                                                                  "rmsnorm", "1",
                                                                  "0.003") "2|2000|3.8125|3.75|3.875\n"},
    {"onset_by_variant.sql", SIDE("none", "0.2", "0.001") "2|2|10|10.0|10|1000.0\n" /**/
     SIDE("none", "0.2", "0.003") "2|2|10|10.0|10|1000.0\n"                         /**/
     SIDE("rmsnorm", "1", "0.001") "2|0||||\n"                                      /**/
     SIDE("rmsnorm", "1", "0.003") "2|0||||\n"},
    {"price_of_no_sink.sql", SIDE("rmsnorm", "1", "0.001") "2|val_loss|0.5|0.5|0.5|-0.4||\n" /**/
     SIDE("rmsnorm", "1", "0.003") "2|val_loss|0.5|0.5|0.5|-0.4||\n"},
    {"seed_or_variant.sql", "sink_rate_03|4|8|0.2|0.0|1.0\nval_loss_late|4|8|0.2795|0.0884|0.952\n"},
};

static void sides_of_one_variant_stand_apart(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    run_sql(s, one_variant);
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        char *rows = answer_of(s, apart[i].file);
        if (strcmp(rows, apart[i].rows)) fail_msg("%s answers:\n%s", apart[i].file, rows);
        free(rows);
    }
    store_close(s);
    place_remove(&p);
}

static void no_query_is_left_out(void **state) {
    (void)state;
    DIR *folder = opendir("ablations/queries");
    assert_non_null(folder);
    int files = 0;
    for (struct dirent *entry; (entry = readdir(folder));) files += !!strstr(entry->d_name, ".sql");
    closedir(folder);
    assert_int_equal(files, ANSWERS);
}

/* ---- the short questions of README.md ---- */

/* To the planted runs: updates of a head that becomes a sink at step 10 where there is a BOS, and a rate. */
static const char planted_heads[] =
    "UPDATE run SET config = json_set(config, '$.optim', json_object('lr', iif(seed = 1, 0.003, 0.001)));"
    "INSERT INTO step_head SELECT at.id, i.value, 0, h.value, iif(variant = 'baseline' AND h.value AND "
    "i.value >= 10,"
    "  0.5, 0.125), 1 - 0.5 * h.value FROM at, json_each('[5, 10, 20]') AS i, json_each('[0, 1]') AS h;";

static const char *const short_answers[] = {
    "baseline|0|done|3.25|0.4|20|bos|key1\n"
    "baseline|1|done|3.5|0.4|20|bos|key2\n"
    "no_bos|0|done|3.75|0.0||bos|key3\n"
    "no_bos|1|done|4.5|0.0||bos|key4\n"
    "baseline|2|diverged|||||key5\n",
    "0.001|2|3.5|3.25\n"
    "0.003|2|4.0|3.5\n",
    "baseline|2|0.4|0.25|0.125\n"
    "no_bos|2|0.0|0.25|0.125\n",
    "baseline|0|40|3.25|0.4\n"
    "baseline|1|40|3.5|0.4\n"
    "no_bos|0|40|3.75|0.0\n"
    "no_bos|1|30|4.5|0.0\n"
    "baseline|2|10|5.75|0.0\n",
    "baseline|0|0|1|10\n"
    "baseline|1|0|1|10\n"
    "baseline|2|0|1|10\n"
    "baseline|0|1|0|21\n"
    "baseline|0|1|1|21\n"
    "baseline|1|1|0|21\n"
    "baseline|1|1|1|21\n",
    "baseline|0|1|1|40|0.9625|\n"
    "baseline|1|1|1|40|0.9625|\n"
    "baseline|0|1|0|40|0.8375|\n"
    "baseline|1|1|0|40|0.8375|\n"
    "baseline|0|0|1|20|0.5|0.5\n"
    "baseline|1|0|1|20|0.5|0.5\n"
    "baseline|2|0|1|20|0.5|0.5\n"
    "no_bos|0|1|1|40|0.1625|\n"
    "no_bos|1|1|1|30|0.1625|\n"
    "baseline|2|1|1|10|0.1625|\n",
    "baseline|0|10|20\n"
    "baseline|1|10|20\n"
    "no_bos|0||\n"
    "no_bos|1||\n"
    "baseline|2|10|\n",
    "baseline|10|3|1.667\n"
    "baseline|20|2|1.375\n"
    "baseline|30|2|1.375\n"
    "baseline|40|2|1.375\n"
    "no_bos|10|2|1.875\n"
    "no_bos|20|2|1.875\n"
    "no_bos|30|2|1.875\n"
    "no_bos|40|1|1.75\n",
    "baseline|0.001|2|1\n",
    "data.bos|row,none\n"
    "optim.lr|0.001,0.003\n"
    "seed|0,1\n"
    "variant|baseline,no_bos\n",
    "baseline|0|4000|4.0|1000.0\n"
    "baseline|1|4000|4.0|1000.0\n"
    "no_bos|0|4000|4.0|1000.0\n"
    "no_bos|1|3000|3.0|1000.0\n"
    "baseline|2|1000|1.0|1000.0\n",
    "curve|uniform_mass|the control: sink_mass under uniform attention to the keys seen, (1/T) sum_q 1/(q+1) "
    "without a mask; what an intervention hides (zero_column) counts as seen\n"
    "eval|uniform_mass|the control: sink_mass under uniform attention to the keys seen, (1/T) sum_q 1/(q+1) "
    "without a mask; what an intervention hides (zero_column) counts as seen\n",
};
enum { SHORT = sizeof short_answers / sizeof *short_answers, SHORT_LINES = 5 };

/* The next block of SQL in the text, ended by a NUL; NULL: none is left. *text goes on behind the block. */
static char *next_block(char **text) {
    static const char opens[] = "```sql\n", closes[] = "```\n";
    char *from = strstr(*text, opens);
    if (!from) return NULL;
    from += sizeof opens - 1;
    char *to = strstr(from, closes);
    assert_non_null(to);
    *to = 0;
    *text = to + sizeof closes - 1;
    return from;
}

static int lines_of(const char *text) {
    int n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

static void natural_questions_take_five_lines(void **state) {
    (void)state;
    Place p = place_make();
    Store *s = open_or_fail(p.db, STORE_WRITE);
    Bytes text = {0};
    int n = 0;
    run_sql(s, planted);
    run_sql(s, planted_heads);
    OK(file_read("ablations/queries/README.md", &text, &e));
    OK(bytes_append(&text, "", 1, &e));
    char *at = text.data;
    for (char *sql; (sql = next_block(&at)); n++) {
        assert_true(n < SHORT && lines_of(sql) <= SHORT_LINES);
        char *rows = rows_of(s, "README.md", sql);
        if (strcmp(rows, short_answers[n])) fail_msg("question %d answers:\n%s", n, rows);
        free(rows);
    }
    assert_int_equal(n, SHORT);
    bytes_free(&text);
    store_close(s);
    place_remove(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_query_asks_and_answers),
        cmocka_unit_test(sides_of_one_variant_stand_apart),
        cmocka_unit_test(no_query_is_left_out),
        cmocka_unit_test(natural_questions_take_five_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
