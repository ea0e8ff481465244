#include "ablations/sweep/verdict.h"

#include "ablations/sweep/fit.h"
#include "ablations/sweep/results.h"
#include "ablations/sweep/sweep_answers.h"
#include "ablations/sweep/tuning_progress.h"
#include "ablations/text_table.h"
#include "train/store/column.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Prints the rows of a query whose one parameter is the sweep's name. */
static bool print_rows(FILE *out, const Sweep *s, Store *store, const char *sql, TableForm form, Error *e) {
    return table_of(out, store, sql, s->name, form, e);
}

/* ---- whether the file says what was run ---- */

/* A key of run ?2 whose value in results.db is not that of the configuration ?3, nor of ?4, what this machine
 * makes of it (another may have run it as it is). A key that only one of them has is one that another program
 * did not know. It says what the view param says, which cannot be asked for one key without all. */
static const char drift_sql[] =
    "WITH key AS (SELECT replace(substr(f.fullkey, 3), '\"', '') AS name, f.atom AS now,"
    " json_type(r.config, f.fullkey) IS NOT NULL AS there, json_extract(r.config, f.fullkey) AS was,"
    " json_extract(?4, f.fullkey) AS here"
    " FROM sweep AS w JOIN sweep_run AS s ON s.sweep = w.id AND s.\"index\" = ?2"
    " JOIN run AS r ON r.id = s.run JOIN json_tree(?3) AS f"
    " WHERE w.name = ?1 AND f.type NOT IN ('object', 'array'))"
    "SELECT k.name, iif(k.there, k.was, y.value) AS had, k.now FROM key AS k LEFT JOIN young_key AS y"
    " ON y.key = k.name WHERE (k.there OR y.key IS NOT NULL) AND had IS NOT k.now AND had IS NOT k.here"
    " AND k.name NOT LIKE 'run.%' AND k.name <> 'label' LIMIT 1";

/* Binds the configuration of a run, as it is and as it is settled here. */
static bool bind_configs(sqlite3_stmt *q, const Sweep *s, int index, Error *e) {
    Config c;
    if (!sweep_config(s, index, &c, e)) return false;
    for (int i = 3; i <= 4; i++, config_settle(&c)) {
        char *json = config_json(&c, true);
        if (!json) return fail(e, EXIT_FAILED, "sweep: out of memory");
        sqlite3_bind_text(q, i, json, -1, free);
    }
    return true;
}

/* Other words than those of `sweep run`, or another base, make other runs of the same text: says so, once. */
static bool tell_drift(const Sweep *s, Store *store, Error *e) {
    sqlite3_stmt *q = table_query(store, drift_sql, s->name, e);
    int result = SQLITE_DONE;
    bool ok = q;
    for (int i = 0; ok && result == SQLITE_DONE && i < sweep_runs(s); i++) {
        sqlite3_reset(q);
        sqlite3_bind_int(q, 2, i);
        ok = bind_configs(q, s, i, e);
        if (ok) result = sqlite3_step(q);
    }
    if (ok && result == SQLITE_ROW)
        fprintf(
            stderr,
            "%s: what was run has %s %s, not %s; this is the verdict on what was run (give the words that "
            "sweep run was given, or run it without)\n",
            s->path, column_text(q, 0), column_text(q, 1), column_text(q, 2));
    ok = ok && (result == SQLITE_ROW || result == SQLITE_DONE || store_failed(store, "results: sweep", e));
    sqlite3_finalize(q);
    return ok;
}

/* The sweep's row must be there; says when the file has another text, or makes other runs. */
bool verdict_known(const Sweep *s, Store *store, Error *e) {
    sqlite3_stmt *q = table_query(store, "SELECT file FROM sweep WHERE name = ?1", s->name, e);
    if (!q) return false;
    bool known = sqlite3_step(q) == SQLITE_ROW;
    bool edited = known && strcmp(column_text(q, 0), s->text);
    if (sqlite3_finalize(q) != SQLITE_OK) return store_failed(store, "results: sweep", e);
    if (edited)
        fprintf(stderr,
                "%s: changed since it was last run; this is the verdict on what was run (sweep run brings it "
                "up to date)\n",
                s->path);
    if (known) return edited || tell_drift(s, store, e);
    return fail(e, EXIT_USAGE, "%s: %s has no sweep called %s (run it first: sinklab sweep run %s)", s->path,
                store_path(store), s->name, s->path);
}

/* ---- what it was put to the test at ---- */

#define RANGE(of)                                                                                            \
    "iif(min(" of ") = max(" of "), printf('%,d', min(" of ")), printf('%,d to %,d', min(" of "), max(" of   \
    ")))"
#define TOKENS "(r.config ->> '$.train.steps') * (r.config ->> '$.train.batch_tokens')"
/* Runs that tuning made unneeded are none of its runs. */
static const char scale_sql[] = "SELECT coalesce(" RANGE("r.parameters") ", '?'), coalesce(" RANGE(
    TOKENS) ", '?'),"
            " count(DISTINCT r.seed) FILTER (WHERE c.judges AND r.status = 'done' AND c.cell = h.cell),"
            " count(*) FILTER (WHERE r.status = 'done'), count(*)"
            " FROM sweep AS w JOIN sweep_cell AS c ON c.sweep = w.id"
            " JOIN sweep_choice AS h USING (sweep, side, stratum)"
            " LEFT JOIN sweep_run AS s USING (sweep, \"index\") LEFT JOIN run AS r ON r.id = s.run"
            " WHERE w.name = ?1 AND (NOT c.judges OR h.open OR c.cell = h.cell)";

/* Prints the scale at which the claim was tested: parameters, tokens, seeds, runs. */
static bool print_scale(FILE *out, const Sweep *s, Store *store, const char *bullet, Error *e) {
    sqlite3_stmt *q = table_query(store, scale_sql, s->name, e);
    if (!q) return false;
    if (sqlite3_step(q) == SQLITE_ROW && sqlite3_column_int(q, 4)) {
        int seeds = sqlite3_column_int(q, 2);
        fprintf(out, "%sscale: %s parameters, %s tokens a run, %d judging seed%s, %d of %d runs done\n",
                bullet, column_text(q, 0), column_text(q, 1), seeds, seeds == 1 ? "" : "s",
                sqlite3_column_int(q, 3), sqlite3_column_int(q, 4));
    }
    return sqlite3_finalize(q) == SQLITE_OK || store_failed(store, "results: sweep", e);
}

static const char cost_sql[] =
    "SELECT count(*), sum(" RUN_CORE_MINUTES ") FROM run WHERE status IN ('done', 'diverged')"
    " AND id IN (SELECT s.run FROM sweep_run AS s JOIN sweep AS w ON w.id = s.sweep WHERE w.name = ?1)";

/* Prints what its runs cost where they were made. Runs that sweeps share are in the cost of each. */
static bool print_cost(FILE *out, const Sweep *s, Store *store, const char *bullet, Error *e) {
    sqlite3_stmt *q = table_query(store, cost_sql, s->name, e);
    if (!q) return false;
    bool there = sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 1) != SQLITE_NULL;
    double minutes = there ? sqlite3_column_double(q, 1) : 0;
    if (there)
        fprintf(out, "%scost: %s%.0f core-minute%s, of %d runs\n", bullet, minutes < 1 ? "less than " : "",
                fmax(minutes, 1), minutes < 1.5 ? "" : "s", sqlite3_column_int(q, 0));
    return sqlite3_finalize(q) == SQLITE_OK || store_failed(store, "results: sweep", e);
}

static bool print_stage(FILE *out, const Sweep *s, Store *store, const char *bullet, Error *e) {
    Stage stage;
    char text[STAGE_TEXT];
    if (!stage_read(&stage, s, store, e)) return false;
    stage_tell(&stage, text);
    fprintf(out, "%s%s\n", bullet, text);
    return true;
}

static void print_censoring(FILE *out, const Sweep *s, const char *bullet) {
    for (int i = 0; i < s->expectations; i++)
        if (!strcmp(s->expect[i].metric, "onset"))
            fprintf(
                out,
                "%sonset: one that never came counts as the run's last step, later than any; where neither "
                "came, nothing is counted\n",
                bullet);
}

/* Judging runs that are done, but whose figure is NULL or outdated. An onset that never came is a figure. */
static const char lacking_sql[] =
    "WITH reading AS MATERIALIZED (SELECT * FROM sweep_metrics WHERE metric IN (SELECT metric FROM "
    "sweep_expect)),"
    " lacking AS (SELECT x.metric, count(DISTINCT r.id) AS runs FROM sweep AS w JOIN sweep_expect AS x ON "
    "x.sweep = w.id"
    " JOIN sweep_cell AS c ON c.sweep = w.id AND c.judges JOIN sweep_run AS s USING (sweep, \"index\")"
    " JOIN run AS r ON r.id = s.run AND r.status = 'done'"
    " LEFT JOIN reading AS o ON o.run_id = r.id AND o.metric = x.metric"
    " WHERE w.name = ?1 AND x.baseline <> '' AND (o.run_id IS NULL OR (o.value IS NULL AND x.metric <> "
    "'onset')) GROUP BY "
    "x.metric)"
    " SELECT group_concat(printf('%s of %d run%s', metric, runs, iif(runs > 1, 's', '')), ', ') FROM lacking";

/* Prints in one line the runs that are left out of the comparison. */
static bool print_lacking(FILE *out, const Sweep *s, Store *store, const char *bullet, Error *e) {
    sqlite3_stmt *q = table_query(store, lacking_sql, s->name, e);
    if (!q) return false;
    if (sqlite3_step(q) == SQLITE_ROW && column_text(q, 0))
        fprintf(out, "%sleft out: %s (not measured, or by an older definition than this program's)\n", bullet,
                column_text(q, 0));
    return sqlite3_finalize(q) == SQLITE_OK || store_failed(store, "results: sweep", e);
}

/* Prints in a line each the runs that queries leave out, since they lack what the queries read. */
static bool print_needs(FILE *out, const Sweep *s, Store *store, const char *bullet, Error *e) {
    bool ok = true;
    for (int i = 0; ok && i < s->needs; i++) {
        char *has = sweep_need_sql(s->need[i]);
        char *sql = sqlite3_mprintf(
            "SELECT count(*) FROM sweep AS w JOIN sweep_cell AS c ON c.sweep = w.id AND c.judges"
            " JOIN sweep_run AS s USING (sweep, \"index\") JOIN run AS r ON r.id = s.run AND r.status = "
            "'done'"
            " WHERE w.name = ?1 AND NOT %z",
            has);
        sqlite3_stmt *q = sql ? table_query(store, sql, s->name, e) : NULL;
        int n = q && sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int(q, 0) : 0;
        if (n)
            fprintf(out,
                    "%squeries leave out %d run%s without %s (measured before that was, or without its "
                    "instrument)\n",
                    bullet, n, n > 1 ? "s" : "", s->need[i]);
        ok = q && (sqlite3_finalize(q) == SQLITE_OK || store_failed(store, "results: sweep", e));
        sqlite3_free(sql);
    }
    return ok;
}

static const char choice_sql[] =
    "SELECT h.side, h.stratum, h.label AS best_cell, h.score AS tuning_val_loss,"
    " h.open AS runs_to_tune FROM sweep_choice AS h JOIN sweep AS w ON w.id = h.sweep"
    " WHERE w.name = ?1";
static const char verdict_sql[] =
    "SELECT metric, direction, beyond, side, stratum, n, mean, low, high, effect_sd,"
    " verdict, more_seeds, diverged, share, note FROM verdict WHERE sweep = ?1";

/* The comment that a query begins with, on one line: what it asks. */
static void print_question(FILE *out, const char *text) {
    for (const char *line = text; !strncmp(line, "-- ", 3);) {
        size_t length = strcspn(line, "\n");
        fprintf(out, "%s%.*s", line > text ? " " : "", (int)length - 3, line + 3);
        line += length + (line[length] == '\n');
    }
}

/* Tables of the sweep's own runs: the view own is there since sweep_ask. */
static bool print_tables(FILE *out, const Sweep *s, Store *store, TableForm form, Error *e) {
    bool ok = true;
    for (int i = 0; ok && i < s->tables; i++) {
        fputs("\n", out);
        print_question(out, s->table[i].text);
        fprintf(out, " (`%s`)\n", s->table[i].name);
        ok = print_rows(out, s, store, s->table[i].text, form, e);
    }
    return ok;
}

static const char fit_sql[] =
    "SELECT f.place + 1 AS fit, formula, points, seeds, error, explained, above AS 'above fit 1',"
    " iif(low IS NULL, NULL, printf('%.4g to %.4g', low, high)) AS '95 % interval', note FROM fit AS f";
static const char fit_term_sql[] =
    "SELECT place + 1 AS fit, term, value, mean AS 'mean of seeds',"
    " iif(low IS NULL, NULL, printf('%.4g to %.4g', low, high)) AS '95 % interval' FROM fit_term";

/* Fits have intervals and no verdict. */
static bool print_fits(FILE *out, const Sweep *s, Store *store, TableForm form, Error *e) {
    if (!s->fits) return true;
    if (!fit_all(s, store, e)) return false;
    fputs("\nleast squares; error: root mean square on the points of a seed by the fit of the others, mean "
          "over "
          "seeds; explained: of the squares about the others' mean\n",
          out);
    if (!print_rows(out, s, store, fit_sql, form, e)) return false;
    fputs("\nterms of the fit of all points, and of those of single seeds\n", out);
    return print_rows(out, s, store, fit_term_sql, form, e);
}

static void print_legend(FILE *out) {
    fputs("\nmean: must be beyond `beyond`, in the direction; effect_sd: mean / standard deviation over\n"
          "seeds; more_seeds: how many more would decide, were the effect as it looks now; share: the\n"
          "word is at level 0.05 / share (Holm); diverged: judging runs that did\n",
          out);
}

static bool print_text(FILE *out, const Sweep *s, Store *store, Error *e) {
    fprintf(out, "%s\n", s->name);
    if (*s->claim) fprintf(out, "claim:  %s\n", s->claim);
    if (*s->source) fprintf(out, "source: %s\n", s->source);
    if (*s->note) fprintf(out, "note:   %s\n", s->note);
    if (!print_scale(out, s, store, "", e) || !print_cost(out, s, store, "", e)) return false;
    if (sweep_is_tuned(s)) {
        if (!print_stage(out, s, store, "", e)) return false;
        fprintf(out, "\neach side at its own best, chosen on seeds that do not judge\n");
        if (!print_rows(out, s, store, choice_sql, TABLE_TEXT, e)) return false;
    }
    fprintf(out, "\npaired differences to the baseline of the same seed (of a query: its numbers);\n"
                 "low and high: 95 %% t interval; the word is corrected by Holm\n");
    print_censoring(out, s, "");
    if (!print_lacking(out, s, store, "", e) || !print_needs(out, s, store, "", e) ||
        !print_rows(out, s, store, verdict_sql, TABLE_TEXT, e))
        return false;
    print_legend(out);
    return print_tables(out, s, store, TABLE_TEXT, e) && print_fits(out, s, store, TABLE_TEXT, e);
}

/* ---- Markdown ---- */

#define INTERVAL "iif(low IS NULL, NULL, printf('%.4g to %.4g', low, high)) AS '95 % interval'"
static const char markdown_sql[] =
    "SELECT side, iif(stratum = 'all', '', stratum) AS 'within', expected, n AS seeds, mean AS "
    "difference," INTERVAL
    ", effect_sd AS 'effect (SD)', verdict, more_seeds AS 'more seeds to settle', diverged, note"
    " FROM verdict WHERE sweep = ?1";
static const char brief_sql[] = "SELECT sweep AS claim, expected, trim(side || iif(stratum = 'all', '', ' ' "
                                "|| stratum)) AS side, n AS seeds,"
                                " mean AS difference, " INTERVAL ", verdict FROM verdict WHERE sweep = ?1";

static void markdown_field(FILE *out, const char *name, const char *text) {
    if (!*text) return;
    fprintf(out, "- %s: ", name);
    markdown_text(out, text);
    fputs("\n", out);
}

/* Whether an earlier expectation asks the same query, with other numbers. */
static bool is_asked_before(const Sweep *s, int i) {
    for (int j = 0; j < i; j++)
        if (s->expect[j].query && !strcmp(s->expect[j].query, s->expect[i].query)) return true;
    return false;
}

/* What the queries of expectations ask. */
static void print_questions(FILE *out, const Sweep *s) {
    const char *before = "\n";
    for (int i = 0; i < s->expectations; i++) {
        if (!s->expect[i].query || is_asked_before(s, i)) continue;
        fprintf(out, "%s- `%.*s`: ", before, (int)strcspn(s->expect[i].metric, "("), s->expect[i].metric);
        print_question(out, s->expect[i].query);
        fputs("\n", out);
        before = "";
    }
}

static bool print_markdown(FILE *out, const Sweep *s, Store *store, Error *e) {
    fprintf(out, "## %s\n\n", s->name);
    markdown_field(out, "claim", s->claim);
    markdown_field(out, "source", s->source);
    if (!print_scale(out, s, store, "- ", e)) return false;
    markdown_field(out, "on scale", s->note);
    if (!print_cost(out, s, store, "- ", e)) return false;
    if (sweep_is_tuned(s) && !print_stage(out, s, store, "- ", e)) return false;
    fprintf(out, "- file: `%s`; differences are paired by seed, words corrected by Holm\n", s->path);
    print_censoring(out, s, "- ");
    if (!print_lacking(out, s, store, "- ", e) || !print_needs(out, s, store, "- ", e)) return false;
    if (sweep_is_tuned(s) && !print_rows(out, s, store, choice_sql, TABLE_MARKDOWN, e)) return false;
    if (!print_rows(out, s, store, markdown_sql, TABLE_MARKDOWN, e)) return false;
    print_questions(out, s);
    return print_tables(out, s, store, TABLE_MARKDOWN, e) && print_fits(out, s, store, TABLE_MARKDOWN, e);
}

bool verdict_print(FILE *out, const Sweep *s, Store *store, VerdictForm form, Error *e) {
    if (!verdict_known(s, store, e)) return false;
    if (form == VERDICT_JSON)
        return print_lacking(stderr, s, store, "", e) && print_needs(stderr, s, store, "", e) &&
               print_rows(out, s, store, verdict_sql, TABLE_JSON, e);
    if (!s->expectations)
        return fail(e, EXIT_USAGE,
                    "%s: no expect: there is nothing to judge (sweep status tells what was run)", s->path);
    if (form == VERDICT_BRIEF) return print_rows(out, s, store, brief_sql, TABLE_MARKDOWN, e);
    return form == VERDICT_MARKDOWN ? print_markdown(out, s, store, e) : print_text(out, s, store, e);
}

/* ---- CSV ---- */

/* One column an axis, looked up in the run's configuration. Keys are the configuration's own. */
static char *csv_sql(const Sweep *s) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendall(sql, "SELECT c.\"index\", r.key, r.status, r.seed, c.judges, c.label AS cell");
    for (int i = 0; i < s->axes; i++)
        sqlite3_str_appendf(sql, ", json_extract(r.config, '$.%q') AS \"%w\"", s->axis[i].key,
                            s->axis[i].key);
    sqlite3_str_appendall(
        sql, ", f.val_loss, f.val_loss_1, f.val_loss_late, f.bits_per_byte, f.sink_rate_03, f.sink_mass, "
             "f.uniform_mass,"
             " f.value_drain, f.norm_ratio, f.onset, f.tokens, f.seconds FROM sweep AS w"
             " JOIN sweep_cell AS c ON c.sweep = w.id JOIN sweep_run AS s USING (sweep, \"index\")"
             " JOIN run AS r ON r.id = s.run LEFT JOIN final AS f ON f.run_id = r.id"
             " WHERE w.name = ?1 ORDER BY c.\"index\"");
    return sqlite3_str_finish(sql);
}

bool sweep_csv(FILE *out, const Sweep *s, Store *store, Error *e) {
    if (!verdict_known(s, store, e)) return false;
    char *sql = csv_sql(s);
    bool ok =
        sql ? print_rows(out, s, store, sql, TABLE_CSV, e) : fail(e, EXIT_FAILED, "export: out of memory");
    sqlite3_free(sql);
    return ok;
}
