#include "train/store/schema.h"

#include "train/embedded_files.h"
#include "train/store/column.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Runs the SQL that a statement answers with. */
static int run_answer(sqlite3 *db, sqlite3_stmt *q) {
    const char *answer = sqlite3_step(q) == SQLITE_ROW ? column_text(q, 0) : NULL;
    char *sql = answer ? sqlite3_mprintf("%s", answer) : NULL;
    bool lost = answer && !sql;
    int result = sqlite3_finalize(q);
    if (result == SQLITE_OK && lost) result = SQLITE_NOMEM;
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

/* ---- another's schema ---- */

/* One row a table or view, or the one called ?1: its name, its type, what makes it what it is. */
static const char objects_sql[] =
    "SELECT name, type, iif(type = 'view', sql, (SELECT group_concat(printf('%s %s %d %d', c.name, c.type,"
    " c.\"notnull\", c.pk)) FROM (SELECT * FROM pragma_table_info(s.name) ORDER BY cid) AS c)) FROM "
    "sqlite_schema AS s"
    " WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name = coalesce(?1, "
    "name)"
    " ORDER BY type";

/* `theirs` looks up what each row of `ours` says. */
static int find_difference(sqlite3_stmt *ours, sqlite3_stmt *theirs, SchemaDifference *out) {
    int result;
    while ((result = sqlite3_step(ours)) == SQLITE_ROW) {
        const char *text[3];
        for (int i = 0; i < 3; i++) text[i] = column_text(ours, i);
        int found = sqlite3_bind_text(theirs, 1, text[0], -1, SQLITE_STATIC); /* until the next row of ours */
        if (found == SQLITE_OK) found = sqlite3_step(theirs);
        const char *other = found == SQLITE_ROW ? column_text(theirs, 2) : NULL;
        bool same = other && !strcmp(text[1], column_text(theirs, 1)) && !strcmp(text[2], other);
        sqlite3_reset(theirs);
        if (found != SQLITE_ROW && found != SQLITE_DONE) return found;
        if (same) continue;
        snprintf(out->type, sizeof out->type, "%s", text[1]);
        snprintf(out->name, sizeof out->name, "%s", text[0]);
        return SQLITE_OK;
    }
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int find_trigger(sqlite3 *db, SchemaDifference *out) {
    sqlite3_stmt *q;
    int result =
        sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'trigger' LIMIT 1", -1, &q, NULL);
    if (result != SQLITE_OK) return result;
    if (sqlite3_step(q) == SQLITE_ROW) {
        strcpy(out->type, "trigger");
        snprintf(out->name, sizeof out->name, "%s", column_text(q, 0));
    }
    return sqlite3_finalize(q);
}

/* The schema of this version in a database of its own. */
static int make_reference(sqlite3 **out) {
    int result = sqlite3_open(":memory:", out);
    return result == SQLITE_OK ? schema_create(*out) : result;
}

int schema_compare(sqlite3 *db, SchemaDifference *out) {
    sqlite3 *reference;
    sqlite3_stmt *ours = NULL, *theirs = NULL;
    *out = (SchemaDifference){0};
    int result = find_trigger(db, out);
    if (result != SQLITE_OK || *out->type) return result;
    result = make_reference(&reference);
    if (result == SQLITE_OK) result = sqlite3_prepare_v2(reference, objects_sql, -1, &ours, NULL);
    if (result == SQLITE_OK) result = sqlite3_prepare_v2(db, objects_sql, -1, &theirs, NULL);
    if (result == SQLITE_OK) result = find_difference(ours, theirs, out);
    sqlite3_finalize(ours);
    sqlite3_finalize(theirs);
    sqlite3_close(reference);
    return result;
}

int schema_renew_views(sqlite3 *db) {
    sqlite3 *reference;
    sqlite3_stmt *q = NULL;
    static const char views[] =
        "SELECT printf('DROP VIEW IF EXISTS \"%w\"; %s', name, sql) FROM sqlite_schema"
        " WHERE type = 'view'";
    int result = make_reference(&reference);
    if (result == SQLITE_OK) result = sqlite3_prepare_v2(reference, views, -1, &q, NULL);
    while (result == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        result = sqlite3_exec(db, column_text(q, 0), NULL, NULL, NULL);
    int read = sqlite3_finalize(q);
    sqlite3_close(reference);
    return result == SQLITE_OK ? read : result;
}

int schema_drop_views(sqlite3 *db) {
    return sql_generated(db,
                         "SELECT group_concat(printf('DROP VIEW \"%w\"', name), ';') FROM sqlite_schema"
                         " WHERE type = 'view'",
                         NULL, NULL);
}
