#include "ablations/sweep/results.h"

#include "ablations/sweep/csv.h"
#include "ablations/text_table.h"
#include "data/base/files.h"
#include "train/store/column.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* ---- what is kept ---- */

/* Rows of one table, each with its run's key, the rest of its primary key, and some columns. */
typedef struct Kept {
    const char *table;
    const char *columns; /* " a b ", NULL: all but times; the others of the table stay empty */
    const char *rows;    /* a condition on t, the table, and c, the run */
    int digits;          /* significant ones; EXACT: each number comes back to the bit */
} Kept;

enum { EXACT = 17 };

#define LAST    "(t.run_id, t.probe, t.step) IN last"
#define EARLIER "(t.run_id, t.probe, t.step) NOT IN last"
/* Of updates: powers of two and the last. */
#define SPARSE                                                                                               \
    "(t.step & (t.step - 1) = 0 OR t.step = (SELECT max(step) FROM step AS s WHERE s.run_id = t.run_id))"
#define DO "t.probe LIKE '% do %'"

/* Parts of one table stand together and share no row. */
static const Kept kept[] = {
    {"step", " tokens loss ", SPARSE, 4},
    {"step_layer", " gradient_sink stream_gradient_sink ", SPARSE, 4},
    {"eval", NULL, LAST, EXACT},
    {"eval", " T sequences val_loss_16k sink_rate_03 sink_mass value_drain norm_ratio entropy_norm_min ",
     "(t.probe = 'main' OR " DO ") AND " EARLIER, 5},
    {"eval_layer", NULL, "(t.probe = 'main' OR " DO ") AND " LAST, 6},
    {"eval_layer", " out_variance_first out_variance_ratio tau_wo tau_variances ",
     "t.probe = 'random' AND " LAST, 6},
    {"eval_layer", " out_variance_ratio ",
     "t.probe = 'random' AND t.out_variance_ratio IS NOT NULL AND " EARLIER, 4},
    {"eval_layer",
     " sink_rate_03 norm_ratio massive_ratio dom_ratio_first entropy_norm super_ratio gradient_sink ",
     "t.probe = 'main' AND t.entropy_norm IS NOT NULL AND " EARLIER, 4},
    {"eval_head", NULL, "(t.probe = 'main' OR t.probe LIKE 'main do %') AND " LAST, 6},
    {"metric", NULL,
     "t.name LIKE 'main.%' AND (t.name NOT LIKE '%.head.%' OR t.name GLOB '*.dormant_*')"
     " AND t.step = (SELECT step FROM last WHERE run_id = t.run_id AND probe = 'main')",
     6},
    {"event", NULL, "t.kind IN ('nan', 'diverged')", EXACT},
    {"figure_version", NULL, "1", EXACT},
};

enum { PARTS = sizeof kept / sizeof *kept };

#define CHOSEN                                                                                               \
    "WITH chosen AS MATERIALIZED (SELECT id, key FROM run WHERE status IN ('done', 'diverged')"              \
    " AND (key IN temp.results_kept OR id IN (SELECT s.run FROM sweep AS w JOIN sweep_run AS s"              \
    " ON s.sweep = w.id WHERE w.name = ?1))),"                                                               \
    " last AS MATERIALIZED (SELECT run_id, probe, max(step) AS step FROM eval"                               \
    " WHERE run_id IN (SELECT id FROM chosen) GROUP BY run_id, probe)"

/* Of run itself, in place of columns as they are: the configuration without run.*, which changes no figure.
 */
static const char run_sql[] =
    CHOSEN " SELECT key, variant, label, seed, json_remove(config, '$.run') AS config, status, blas_arch, "
           "git, corpus,"
           " licence, steps, parameters, flops_per_token, corpus_hash, tokenizer_hash,"
           " " RUN_CORE_MINUTES " AS core_minutes"
           " FROM run WHERE id IN (SELECT id FROM chosen) ORDER BY key";

static bool has_word(const char *words, const char *word) {
    char with_blanks[80];
    snprintf(with_blanks, sizeof with_blanks, " %s ", word);
    return !words || strstr(words, with_blanks);
}

bool results_keep(const char *table, const char *column) {
    for (int i = 0; i < PARTS; i++)
        if (!strcmp(kept[i].table, table) && (!column || has_word(kept[i].columns, column))) return true;
    return false;
}

/* ---- a table as text ---- */

/* rounded(x, digits) in SQL: a number to so many significant digits; anything else as it is. */
static void rounded_function(sqlite3_context *context, int n, sqlite3_value **values) {
    char text[32];
    (void)n;
    double x = sqlite3_value_double(values[0]);
    if (sqlite3_value_type(values[0]) != SQLITE_FLOAT || !isfinite(x)) {
        sqlite3_result_value(context, values[0]);
        return;
    }
    snprintf(text, sizeof text, "%.*g", sqlite3_value_int(values[1]), x);
    sqlite3_result_double(context, strtod(text, NULL));
}

/* The columns of a table that may be kept: no times, no numbers of this database. pk: the place in the
 * primary key. */
static const char columns_sql[] = "SELECT name, pk FROM pragma_table_info(?1) WHERE name NOT IN ('run_id', "
                                  "'ms', 'at') AND name NOT GLOB '*_ms'";

/* Appends one part: SELECT key, columns FROM the table. *n: how many, the key too. */
static bool append_part(sqlite3_str *sql, const Kept *part, int *n, Store *s, Error *e) {
    sqlite3_stmt *columns = table_query(s, columns_sql, part->table, e);
    int result;
    if (!columns) return false;
    sqlite3_str_appendall(sql, "SELECT c.key AS key");
    for (*n = 1; (result = sqlite3_step(columns)) == SQLITE_ROW; (*n)++) {
        const char *name = column_text(columns, 0);
        bool keyed = sqlite3_column_int(columns, 1), named = has_word(part->columns, name);
        if (keyed || (named && part->digits == EXACT))
            sqlite3_str_appendf(sql, ", t.\"%w\" AS \"%w\"", name, name);
        else
            sqlite3_str_appendf(sql, ", iif(%d, rounded(t.\"%w\", %d), NULL) AS \"%w\"", named, name,
                                part->digits, name);
    }
    sqlite3_finalize(columns);
    sqlite3_str_appendf(sql, " FROM chosen AS c CROSS JOIN \"%w\" AS t ON t.run_id = c.id WHERE %s",
                        part->table, part->rows);
    return result == SQLITE_DONE || store_failed(s, "results", e);
}

/* All parts of the table that kept[part] is the first of, in the order of keys. To be freed by sqlite3_free.
 */
static char *table_sql(int part, Store *s, Error *e) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    const char *table = kept[part].table;
    bool ok = true;
    int n = 0;
    sqlite3_str_appendall(sql, CHOSEN);
    for (int i = part; ok && i < PARTS && !strcmp(kept[i].table, table); i++) {
        sqlite3_str_appendall(sql, i > part ? " UNION ALL " : " ");
        ok = append_part(sql, &kept[i], &n, s, e);
    }
    for (int i = 1; i <= n && i <= 5; i++) sqlite3_str_appendf(sql, i > 1 ? ", %d" : " ORDER BY %d", i);
    char *text = sqlite3_str_finish(sql);
    if (ok && !text) fail(e, EXIT_FAILED, "results: out of memory");
    if (ok) return text;
    sqlite3_free(text);
    return NULL;
}

static bool table_text(Store *s, const char *sql, const char *sweep, Bytes *out, int *rows, Error *e) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file) return fail(e, EXIT_FAILED, "results: out of memory");
    bool ok = table_of(file, s, sql, sweep, TABLE_CSV, e);
    fclose(file);
    *out = (Bytes){.data = text, .size = (int64_t)size, .capacity = (int64_t)size};
    *rows = -1; /* the names; a line break within a text counts too, which no caller minds */
    for (size_t i = 0; i < size; i++) *rows += text[i] == '\n';
    return ok;
}

/* ---- files ---- */

/* Packs a text: its bytes depend on nothing else. */
static bool pack(const Bytes *text, Bytes *out, Error *e) {
    z_stream z = {0};
    if (deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return fail(e, EXIT_FAILED, "results: out of memory");
    bool ok = bytes_reserve(out, (int64_t)deflateBound(&z, (uLong)text->size), e);
    if (ok) {
        z.next_in = (Bytef *)text->data;
        z.avail_in = (uInt)text->size;
        z.next_out = (Bytef *)out->data;
        z.avail_out = (uInt)out->capacity;
        ok = deflate(&z, Z_FINISH) == Z_STREAM_END || fail(e, EXIT_FAILED, "results: out of memory");
        out->size = (int64_t)z.total_out;
    }
    deflateEnd(&z);
    return ok;
}

static bool same_text(const char *path, const Bytes *text) {
    Bytes there = {0};
    Error none = {0};
    bool same = !access(path, F_OK) && file_read(path, &there, &none) && there.size == text->size &&
                !memcmp(there.data, text->data, (size_t)text->size);
    bytes_free(&there);
    return same;
}

/* One table's file; a table without rows has none. */
static bool write_table(const char *path, const char *sql, const char *sweep, Store *s, int *rows, Error *e) {
    Bytes text = {0}, packed = {0};
    bool ok = table_text(s, sql, sweep, &text, rows, e);
    if (ok && *rows < 1)
        unlink(path);
    else if (ok && !same_text(path, &text))
        ok = pack(&text, &packed, e) && file_replace(path, packed.data, packed.size, e);
    bytes_free(&packed);
    bytes_free(&text);
    return ok;
}

/* ---- runs that the folder has: they stay, whatever the text of the sweep is by now ---- */

static const char remember_sql[] = "CREATE TEMP TABLE IF NOT EXISTS results_kept (key TEXT PRIMARY KEY);"
                                   "DELETE FROM temp.results_kept",
                  add_sql[] = "INSERT OR IGNORE INTO temp.results_kept VALUES (?1)",
                  unknown_sql[] = "SELECT count(*) FROM temp.results_kept WHERE key NOT IN"
                                  " (SELECT key FROM run WHERE status IN ('done', 'diverged'))";

static bool add_keys(Csv *c, sqlite3_stmt *add, Store *s, Error *e) {
    bool more = true;
    while (csv_next(c, &more, e) && more) {
        bool bound = sqlite3_bind_text(add, 1, c->field[0], -1, SQLITE_STATIC) == SQLITE_OK;
        if (bound) sqlite3_step(add);
        if (!bound || sqlite3_reset(add) != SQLITE_OK) return store_failed(s, "results", e);
    }
    return !more;
}

/* Remembers the keys of a file of runs, if it is there. */
static bool remember(const char *file, Store *s, Error *e) {
    Csv c;
    if (sqlite3_exec(store_db(s), remember_sql, NULL, NULL, NULL) != SQLITE_OK)
        return store_failed(s, "results", e);
    if (access(file, F_OK)) return true;
    sqlite3_stmt *add = table_query(s, add_sql, NULL, e);
    bool ok = add && csv_open(&c, file, e);
    if (ok) {
        ok = add_keys(&c, add, s, e);
        csv_close(&c);
    }
    sqlite3_finalize(add);
    return ok;
}

/* Refuses where the folder has runs that the database has not finished: they would be lost. */
static bool check_known(const char *file, Store *s, Error *e) {
    sqlite3_stmt *q = remember(file, s, e) ? table_query(s, unknown_sql, NULL, e) : NULL;
    int unknown = q && sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int(q, 0) : 0;
    if (!q || sqlite3_finalize(q) != SQLITE_OK) return e->text[0] ? false : store_failed(s, "results", e);
    return !unknown ||
           fail(e, EXIT_USAGE, "results: %s: has %d runs that %s lacks (sinklab merge %s FOLDER first)", file,
                unknown, store_path(s), store_path(s));
}

/* ---- the whole ---- */

/* The runs last: a folder that was left half written has rows of runs that it lacks, and is refused. */
static bool write_tables(const char *folder, const char *sweep, Store *s, int *runs, Error *e) {
    int rows;
    bool ok = true;
    for (int i = 0; ok && i < PARTS; i++) {
        if (i && !strcmp(kept[i].table, kept[i - 1].table)) continue;
        char *sql = table_sql(i, s, e);
        ok = sql &&
             write_table(path_of("%s/%s.%s.csv.gz", folder, sweep, kept[i].table).s, sql, sweep, s, &rows, e);
        sqlite3_free(sql);
    }
    return ok && write_table(path_of("%s/%s.run.csv.gz", folder, sweep).s, run_sql, sweep, s, runs, e);
}

bool results_write(const char *folder, const char *sweep, Store *s, int *runs, Error *e) {
    if (sqlite3_create_function(store_db(s), "rounded", 2, SQLITE_UTF8, NULL, rounded_function, NULL, NULL) !=
        SQLITE_OK)
        return store_failed(s, "results", e);
    return folder_make(folder, e) && check_known(path_of("%s/%s.run.csv.gz", folder, sweep).s, s, e) &&
           write_tables(folder, sweep, s, runs, e);
}
