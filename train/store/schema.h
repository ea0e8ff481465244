/* Owns: the schema in a database: the tables and views of train/schema.sql, and the views that name every
 * column of figures, which are made from the columns themselves: a column is named once, in its CREATE TABLE.
 * And whether another's database has it.
 * Does not own: when a database gets it, its version (train/store/store.c). */
#ifndef SINKLAB_SCHEMA_H
#define SINKLAB_SCHEMA_H

#include <sqlite3.h>
#include <stdbool.h>

/* Creates what is missing. Returns SQLITE_OK or SQLite's code. */
int schema_create(sqlite3 *db);
/* Drops every view, a person's own too. */
int schema_drop_views(sqlite3 *db);
/* Drops our views alone and makes them as this version has them. */
int schema_renew_views(sqlite3 *db);

/* The first thing in which a database is not of this version: a table of other columns (name, type, place,
 * NOT NULL, key), a view of another text, one that is missing; any trigger. Tables and views of other names
 * are a person's own. type "": there is none. Reads no row but the schema's. Returns SQLITE_OK or SQLite's
 * code. */
typedef struct SchemaDifference {
    char type[8], name[64];
} SchemaDifference;
int schema_compare(sqlite3 *db, SchemaDifference *out);

/* Runs, one after the other, the SQL texts with which queries answer in one row of one column; NULL: nothing.
 * a, b (may be NULL) are the queries' ?1 and ?2. Returns SQLITE_OK or SQLite's code. */
int sql_generated(sqlite3 *db, const char *queries, const char *a, const char *b);

#endif
