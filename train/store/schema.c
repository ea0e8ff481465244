#include "train/store/schema.h"

#include "train/embedded_files.h"

#include <stddef.h>

/* Runs the SQL that a statement answers with. */
static int run_answer(sqlite3 *db, sqlite3_stmt *q) {
    const char *answer = sqlite3_step(q) == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
    char *sql = answer ? sqlite3_mprintf("%s", answer) : NULL;
    int result = sqlite3_finalize(q);
    if (result == SQLITE_OK && sql) result = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return result;
}

int sql_generated(sqlite3 *db, const char *queries, const char *a, const char *b) {
    int result = SQLITE_OK;
    for (const char *at = queries; result == SQLITE_OK && *at;) {
        sqlite3_stmt *q = NULL;
        result = sqlite3_prepare_v2(db, at, -1, &q, &at);
        if (result != SQLITE_OK || !q) continue;       /* only comments are left */
        sqlite3_bind_text(q, 1, a, -1, SQLITE_STATIC); /* does nothing where a query has no such parameter */
        sqlite3_bind_text(q, 2, b, -1, SQLITE_STATIC);
        result = run_answer(db, q);
    }
    return result;
}

int schema_create(sqlite3 *db) {
    int result = sqlite3_exec(db, schema_sql, NULL, NULL, NULL);
    return result == SQLITE_OK ? sql_generated(db, schema_views_sql, NULL, NULL) : result;
}

int schema_drop_views(sqlite3 *db) {
    return sql_generated(db,
                         "SELECT group_concat(printf('DROP VIEW \"%w\"', name), ';') FROM sqlite_schema"
                         " WHERE type = 'view'",
                         NULL, NULL);
}
