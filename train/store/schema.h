/* Owns: the schema in a database: the tables and views of train/schema.sql, and the views that name every
 * column of figures, which are made from the columns themselves: a column is named once, in its CREATE TABLE.
 * Does not own: when a database gets it, its version (train/store/store.c). */
#ifndef SINKLAB_SCHEMA_H
#define SINKLAB_SCHEMA_H

#include <sqlite3.h>

/* Creates what is missing. Returns SQLITE_OK or SQLite's code. */
int schema_create(sqlite3 *db);
/* Drops every view, a person's own too. */
int schema_drop_views(sqlite3 *db);

/* Runs, one after the other, the SQL texts with which queries answer in one row of one column; NULL: nothing.
 * a, b (may be NULL) are the queries' ?1 and ?2. Returns SQLITE_OK or SQLite's code. */
int sql_generated(sqlite3 *db, const char *queries, const char *a, const char *b);

#endif
