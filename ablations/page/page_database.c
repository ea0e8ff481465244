#include "ablations/page/page_database.h"

#include "ablations/page/baseline_side.h"
#include "data/base/listing.h"
#include "data/base/text.h"
#include "train/store/column.h"
#include "train/store/schema.h"

#include <string.h>
#include <unistd.h>

/* Rows of step_head in all and bytes of maps that a page has room for, and how much of a run a screen
 * can show. */
#define HEAD_ROWS "150000"
#define MAP_BYTES "5000000"
#define MAP_RUNS  "6"
#define STEPS     "300"

typedef struct Extract {
    sqlite3 *db; /* in memory; the whole database is attached as `src` */
    const char *sweep;
    Error *e;
} Extract;

static bool failed(const Extract *x) {
    return fail(x->e, EXIT_FAILED, "report: copy of the database: %s", store_reason(x->db));
}

static bool run_sql(const Extract *x, const char *sql) {
    return sqlite3_exec(x->db, sql, NULL, NULL, NULL) == SQLITE_OK || failed(x);
}

/* Runs one statement with up to two texts bound. */
static bool run_bound(const Extract *x, const char *sql, const char *a, const char *b) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(x->db, sql, -1, &q, NULL) != SQLITE_OK) return failed(x);
    sqlite3_bind_text(q, 1, a, -1, SQLITE_STATIC);
    if (b) sqlite3_bind_text(q, 2, b, -1, SQLITE_STATIC);
    int result;
    while ((result = sqlite3_step(q)) == SQLITE_ROW) continue;
    sqlite3_finalize(q);
    return result == SQLITE_DONE || failed(x);
}

/* Seven digits are enough for a screen, and their zeros pack well. */
static void single(sqlite3_context *context, int n, sqlite3_value **value) {
    (void)n;
    if (sqlite3_value_type(*value) == SQLITE_NULL)
        sqlite3_result_null(context);
    else
        sqlite3_result_double(context, (double)(float)sqlite3_value_double(*value));
}

/* is_baseline(file, side), of a sweep. */
static void is_baseline(sqlite3_context *context, int n, sqlite3_value **value) {
    (void)n;
    const unsigned char *file = sqlite3_value_text(value[0]), *side = sqlite3_value_text(value[1]);
    sqlite3_result_int(context, file && side && baseline_side((const char *)file, (const char *)side));
}

/* ---- what is report_runs ---- */

/* report_runs: the runs. kept: their steps, few enough, and the same ones whether a run is whole or not, so
 * that seeds can be averaged. mapped: runs and steps whose maps come along: the first seed of each model
 * first, of these the strongest and the weakest sink, which a page begins with, then the next of either. */
static const char choice[] =
    "CREATE TEMP TABLE report_runs (run INTEGER PRIMARY KEY);"
    "CREATE TEMP TABLE kept (run INTEGER, step INTEGER, PRIMARY KEY (run, step)) WITHOUT ROWID;"
    "CREATE TEMP TABLE mapped (run INTEGER, step INTEGER, PRIMARY KEY (run, step)) WITHOUT ROWID;";
static const char choose_runs[] = "INSERT INTO report_runs SELECT DISTINCT s.run FROM src.sweep_run AS s "
                                  "JOIN src.sweep AS w ON w.id = s.sweep"
                                  " WHERE w.name = ?1 UNION SELECT id FROM src.run WHERE ?1 IS NULL";
static const char choose_steps[] =
    "WITH size AS (SELECT run_id, count(*) AS heads FROM src.step_head WHERE step = 1"
    "   AND run_id IN report_runs GROUP BY run_id),"
    " room AS (SELECT max(60, min(" STEPS ", " HEAD_ROWS " / max(1, coalesce(sum(heads), 1)))) AS steps"
    "   FROM size),"
    " span AS (SELECT t.run_id, max(t.step) AS last, max(max(t.step), coalesce(r.steps, 0)) AS whole"
    "   FROM src.step AS t JOIN src.run AS r ON r.id = t.run_id WHERE t.run_id IN report_runs GROUP BY "
    "t.run_id)"
    " INSERT INTO kept SELECT t.run_id, t.step FROM src.step AS t JOIN span USING (run_id), room"
    " WHERE t.step % ((whole + steps - 1) / steps) = 0 OR t.step = 1 OR t.step = last";
static const char choose_maps[] =
    "WITH ranked AS (SELECT id, row_number() OVER (PARTITION BY variant, label,"
    "     json_remove(config, '$.seed', '$.run') ORDER BY seed, id) AS turn,"
    "     (SELECT e.sink_rate_03 FROM src.eval AS e WHERE e.run_id = r.id AND e.probe = 'main'"
    "      ORDER BY e.step DESC LIMIT 1) AS rate"
    "   FROM src.run AS r WHERE id IN (SELECT run_id FROM src.map) AND id IN report_runs),"
    " placed AS (SELECT id, turn, min(row_number() OVER (PARTITION BY turn ORDER BY rate DESC, id),"
    "     row_number() OVER (PARTITION BY turn ORDER BY rate, id DESC)) AS place FROM ranked),"
    " first AS (SELECT id FROM placed ORDER BY turn, place, id LIMIT " MAP_RUNS "),"
    " volume AS (SELECT coalesce(sum(length(data)), 0) AS bytes FROM src.map WHERE run_id IN first),"
    " time AS (SELECT run_id, step, row_number() OVER (PARTITION BY run_id ORDER BY step DESC) - 1 AS place"
    "   FROM (SELECT DISTINCT run_id, step FROM src.map WHERE run_id IN first))"
    " INSERT INTO mapped SELECT run_id, step FROM time, volume"
    " WHERE place % (bytes / " MAP_BYTES " + 1) = 0 OR step = 0";

static bool choose(const Extract *x) {
    return run_sql(x, choice) && run_bound(x, choose_runs, x->sweep, NULL) && run_sql(x, choose_steps) &&
           run_sql(x, choose_maps);
}

/* ---- what is copied ---- */

#define RUNS   "run_id IN report_runs"
#define LAST   "step = (SELECT max(step) FROM src.eval WHERE run_id = t.run_id)"
#define SWEEPS "(SELECT id FROM src.sweep WHERE ?2 IS NULL OR name = ?2)"

static const struct Part {
    const char *table, *rows; /* of src.TABLE AS t; ?2 is the sweep's name or NULL */
} parts[] = {
    {"run", "id IN report_runs"},
    {"sweep", "id IN " SWEEPS},
    {"sweep_run", "run IN report_runs AND sweep IN " SWEEPS},
    {"sweep_cell", "sweep IN " SWEEPS},
    {"sweep_expect", "sweep IN " SWEEPS},
    {"sweep_answer", "sweep IN " SWEEPS},
    {"t_quantile", "1"},
    {"step", "(run_id, step) IN kept"},
    {"step_head", "(run_id, step) IN kept"},
    {"step_layer", RUNS},
    {"eval", RUNS},
    {"eval_layer", RUNS " AND (probe IN ('main', 'random') OR " LAST ")"},
    {"eval_head", RUNS " AND (probe = 'main' OR " LAST ")"},
    {"metric", RUNS " AND name LIKE 'main.%' AND name NOT LIKE '%.head.%'"},
    {"map", "(run_id, step) IN mapped"},
    {"map_token", "run_id IN (SELECT run FROM mapped)"},
    {"event", RUNS},
    {"figure_version", RUNS},
};

/* *sql: INSERT of the columns that both have; NULL: the source has no such table. malloc'ed by SQLite. */
static bool copy_sql(const Extract *x, const struct Part *part, char **sql) {
    *sql = NULL;
    sqlite3_stmt *q = NULL;
    int result = sqlite3_prepare_v2(
        x->db,
        "SELECT group_concat('\"' || name || '\"'),"
        " group_concat(iif(type = 'REAL', 'single(\"' || name || '\")', '\"' || name || '\"'))"
        " FROM pragma_table_info(?1, 'main')"
        " WHERE name IN (SELECT name FROM pragma_table_info(?1, 'src'))",
        -1, &q, NULL);
    sqlite3_bind_text(q, 1, part->table, -1, SQLITE_STATIC);
    bool there = sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL;
    if (there)
        *sql = sqlite3_mprintf("INSERT OR IGNORE INTO main.%s (%s) SELECT %s FROM src.%s AS t WHERE %s",
                               part->table, column_text(q, 0), column_text(q, 1), part->table, part->rows);
    if (result == SQLITE_OK) result = sqlite3_finalize(q);
    return (result == SQLITE_OK && !there == !*sql) || failed(x);
}

static bool copy_parts(const Extract *x) {
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof parts / sizeof *parts; i++) {
        char *sql;
        ok = copy_sql(x, &parts[i], &sql) && (!sql || run_bound(x, sql, NULL, x->sweep));
        sqlite3_free(sql);
    }
    return ok;
}

/* Views over all steps would be wrong on the thinned ones: their rows are kept instead, and those of
 * onset_eval because a page has no time to work them out. Where a run was
 * made is nobody's business but its owner's. */
static const char settle[] =
    "DROP VIEW main.final; CREATE TABLE main.final AS SELECT * FROM src.final WHERE run_id IN report_runs;"
    "DROP VIEW main.onset_step;"
    "CREATE TABLE main.onset_step AS SELECT * FROM src.onset_step WHERE run_id IN report_runs;"
    "DROP VIEW main.onset_eval;"
    "CREATE TABLE main.onset_eval AS SELECT * FROM src.onset_eval WHERE run_id IN report_runs;"
    "UPDATE run SET host = NULL, checkpoint = NULL;"
    "UPDATE event SET detail = '' WHERE kind IN ('checkpoint', 'error');" /* which name its files */
    "CREATE TABLE main.page_query (name TEXT, sql TEXT);"
    "CREATE TABLE main.page_note (name TEXT, value TEXT);"
    "INSERT INTO page_note SELECT 'runs', count(*) FROM report_runs"
    " UNION ALL SELECT 'steps kept of ' || run, count(*) FROM kept GROUP BY run"
    " UNION ALL SELECT 'steps with maps of ' || run, count(*) FROM mapped GROUP BY run"
    " UNION ALL SELECT 'baseline of ' || name, side FROM (SELECT DISTINCT w.name, w.file, c.side FROM sweep "
    "AS w"
    "   JOIN sweep_cell AS c ON c.sweep = w.id) WHERE is_baseline(file, side)"
    " UNION ALL SELECT 'made', strftime('%Y-%m-%d');";

static bool is_sql(const char *path) {
    return text_ends(path, ".sql");
}

static bool copy_queries(const Extract *x, const char *folder) {
    FileList files = {0};
    if (access(folder, R_OK)) return true;
    bool ok = files_list(&files, folder, is_sql, x->e);
    for (int64_t i = 0; ok && i < files.files; i++) {
        Bytes text = {0};
        const char *name = strrchr(files.path[i], '/');
        ok = file_read(files.path[i], &text, x->e) && bytes_append(&text, "", 1, x->e) &&
             run_bound(x, "INSERT INTO page_query VALUES (?1, ?2)", name ? name + 1 : files.path[i],
                       text.data);
        bytes_free(&text);
    }
    files_free(&files);
    return ok;
}

static bool attach(const Extract *x, Store *s) {
    if (sqlite3_create_function(x->db, "single", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, single, NULL,
                                NULL) != SQLITE_OK ||
        sqlite3_create_function(x->db, "is_baseline", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL,
                                is_baseline, NULL, NULL) != SQLITE_OK)
        return failed(x);
    return run_bound(x, "ATTACH ?1 AS src", store_uri(s), NULL) ||
           fail(x->e, EXIT_FAILED, "report: %s: cannot be attached: %s (does the disk answer?)",
                store_path(s), sqlite3_errmsg(x->db)); /* it could be opened */
}

static bool fill(const Extract *x, Store *s, const char *queries, Bytes *out) {
    sqlite3_int64 size = 0;
    if (schema_create(x->db) != SQLITE_OK) return failed(x);
    if (!attach(x, s) || !run_sql(x, "BEGIN") || !choose(x) || !copy_parts(x) || !run_sql(x, settle) ||
        !copy_queries(x, queries) || !run_sql(x, "COMMIT; DETACH src; VACUUM; ANALYZE"))
        return false;
    unsigned char *bytes = sqlite3_serialize(x->db, "main", &size, 0);
    bool ok = bytes ? bytes_append(out, bytes, size, x->e) : fail(x->e, EXIT_FAILED, "report: out of memory");
    sqlite3_free(bytes);
    return ok;
}

bool extract(Store *s, const char *sweep, const char *queries, Bytes *out, Error *e) {
    Extract x = {NULL, sweep, e};
    if (sqlite3_open_v2(":memory:", &x.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI,
                        NULL) != SQLITE_OK)
        return fail(e, EXIT_FAILED, "report: out of memory");
    bool ok = fill(&x, s, queries, out);
    sqlite3_close(x.db);
    return ok;
}
