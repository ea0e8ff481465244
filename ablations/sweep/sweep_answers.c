#include "ablations/sweep/sweep_answers.h"

#include "data/base/files.h"
#include "data/base/number.h"

#include <math.h>
#include <string.h>

static bool execute(Store *store, const char *sql, Error *e) {
    return sqlite3_exec(store_db(store), sql, NULL, NULL, NULL) == SQLITE_OK ||
           store_failed(store, "results: sweep", e);
}

bool sweep_has_queries(const Sweep *s) {
    for (int i = 0; i < s->expectations; i++)
        if (s->expect[i].query) return true;
    return s->tables || s->fits;
}

/* 0: the database does not know the sweep. */
static bool find_sweep(const Sweep *s, Store *store, int64_t *id, Error *e) {
    sqlite3_stmt *q = NULL;
    *id = 0;
    bool ok = sqlite3_prepare_v2(store_db(store), "SELECT id FROM sweep WHERE name = ?1", -1, &q, NULL) ==
              SQLITE_OK;
    if (ok) sqlite3_bind_text(q, 1, s->name, -1, SQLITE_STATIC);
    if (ok && sqlite3_step(q) == SQLITE_ROW) *id = sqlite3_column_int64(q, 0);
    ok = sqlite3_finalize(q) == SQLITE_OK && ok;
    return ok || store_failed(store, "results: sweep", e);
}

bool sweep_known(const Sweep *s, Store *store, bool *known, Error *e) {
    int64_t id;
    bool ok = find_sweep(s, store, &id, e);
    *known = id;
    return ok;
}

char *sweep_need_sql(const char *need) {
    const char *dot = strchr(need, '.');
    return sqlite3_mprintf("(EXISTS (SELECT 1 FROM main.\"%.*w\" WHERE run_id = r.id AND \"%w\" IS NOT NULL)"
                           " AND (r.id, %Q) NOT IN main.outdated)",
                           (int)(dot - need), need, dot + 1, dot + 1);
}

/* The view own of a sweep, which leaves out runs that lack what the queries read. To be freed by
 * sqlite3_free. */
static char *own_sql(const Sweep *s, int64_t id) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(
        sql,
        "DELETE FROM main.sweep_answer WHERE sweep = %lld; DROP VIEW IF EXISTS temp.own; CREATE TEMP VIEW "
        "own AS"
        " SELECT r.id AS run_id, r.seed, c.side, c.stratum, c.label"
        " FROM main.sweep_choice AS h JOIN main.sweep_cell AS c USING (sweep, cell)"
        " JOIN main.sweep_run AS s USING (sweep, \"index\") JOIN main.run AS r ON r.id = s.run"
        " WHERE h.open = 0 AND c.judges AND r.status = 'done' AND c.sweep = %lld",
        (long long)id, (long long)id);
    for (int i = 0; i < s->needs; i++) {
        char *has = sweep_need_sql(s->need[i]);
        sqlite3_str_appendf(sql, " AND %z", has);
    }
    return sqlite3_str_finish(sql);
}

static int bind_value(sqlite3_stmt *q, int at, const char *text) {
    double number;
    if (!number_read(text, &number)) return sqlite3_bind_text(q, at, text, -1, SQLITE_STATIC);
    return number == floor(number) && fabs(number) < 0x1p53 ? sqlite3_bind_int64(q, at, (sqlite3_int64)number)
                                                            : sqlite3_bind_double(q, at, number);
}

/* Every name of `with` is a parameter of the query, and every parameter has one. */
static bool bind_with(sqlite3_stmt *q, const Expectation *x, Error *e) {
    int given = x->with ? x->with->n : 0;
    for (int i = 0; i < given; i++) {
        int at = sqlite3_bind_parameter_index(q, path_of(":%s", x->with->key[i]->text).s);
        if (!at) return fail(e, EXIT_USAGE, "%s: the query has no :%s", x->metric, x->with->key[i]->text);
        if (bind_value(q, at, x->with->value[i]->text) != SQLITE_OK)
            return fail(e, EXIT_FAILED, "%s: out of memory", x->metric);
    }
    return sqlite3_bind_parameter_count(q) == given ||
           fail(e, EXIT_USAGE, "%s: the query has %d parameters, and with: gives %d", x->metric,
                sqlite3_bind_parameter_count(q), given);
}

static sqlite3_stmt *prepare_query(const Expectation *x, Store *store, Error *e) {
    sqlite3_stmt *q = NULL;
    const char *rest = "";
    if (sqlite3_prepare_v2(store_db(store), x->query, -1, &q, &rest) != SQLITE_OK)
        fail(e, EXIT_USAGE, "%s: %s", x->metric, sqlite3_errmsg(store_db(store)));
    else if (!q || !sqlite3_stmt_readonly(q) || sqlite3_column_count(q) != 2 || rest[strspn(rest, " \t\r\n")])
        fail(e, EXIT_USAGE, "%s: not one SELECT of two columns (the seed and its number)", x->metric);
    else if (bind_with(q, x, e))
        return q;
    sqlite3_finalize(q);
    return NULL;
}

/* A number goes to the expectation of its name that the sweep was registered with; where an earlier text of
 * the file had none of it, nowhere. */
static const char keep_sql[] = "INSERT INTO sweep_answer SELECT sweep, place, ?3, ?4 FROM sweep_expect"
                               " WHERE sweep = ?1 AND metric = ?2";

static bool keep(Store *store, int64_t sweep, sqlite3_stmt *row, const Expectation *x, Error *e) {
    sqlite3_stmt *add = NULL;
    if (sqlite3_prepare_v2(store_db(store), keep_sql, -1, &add, NULL) != SQLITE_OK)
        return store_failed(store, "results: sweep", e);
    sqlite3_bind_int64(add, 1, sweep);
    sqlite3_bind_text(add, 2, x->metric, -1, SQLITE_STATIC);
    sqlite3_bind_int64(add, 3, sqlite3_column_int64(row, 0));
    if (sqlite3_column_type(row, 1) != SQLITE_NULL)
        sqlite3_bind_double(add, 4, sqlite3_column_double(row, 1));
    int result = sqlite3_step(add);
    sqlite3_finalize(add);
    if ((result & 0xff) == SQLITE_CONSTRAINT)
        return fail(e, EXIT_USAGE, "%s: more than one number for seed %lld (GROUP BY seed)", x->metric,
                    (long long)sqlite3_column_int64(row, 0));
    return result == SQLITE_DONE || store_failed(store, "results: sweep", e);
}

static bool ask(const Expectation *x, int64_t sweep, Store *store, Error *e) {
    sqlite3_stmt *q = prepare_query(x, store, e);
    int result = SQLITE_ROW;
    bool ok = q;
    while (ok && (result = sqlite3_step(q)) == SQLITE_ROW) ok = keep(store, sweep, q, x, e);
    if (ok && result != SQLITE_DONE)
        ok = fail(e, EXIT_USAGE, "%s: %s", x->metric, sqlite3_errmsg(store_db(store)));
    sqlite3_finalize(q);
    return ok;
}

bool sweep_ask(const Sweep *s, Store *store, Error *e) {
    int64_t id;
    if (!sweep_has_queries(s)) return true;
    if (!find_sweep(s, store, &id, e) || !id) return !e->text[0];
    if (!execute(store, "BEGIN IMMEDIATE", e)) return false;
    char *sql = own_sql(s, id);
    bool ok = sql ? execute(store, sql, e) : fail(e, EXIT_FAILED, "results: out of memory");
    sqlite3_free(sql);
    for (int i = 0; ok && i < s->expectations; i++)
        if (s->expect[i].query) ok = ask(&s->expect[i], id, store, e);
    if (ok && execute(store, "COMMIT", e)) return true;
    sqlite3_exec(store_db(store), "ROLLBACK", NULL, NULL, NULL);
    return false;
}
