/* Owns: the text of a column that a query answers with. Does not own: statements, errors of the database. */
#ifndef SINKLAB_COLUMN_H
#define SINKLAB_COLUMN_H

#include <sqlite3.h>

/* As sqlite3_column_text, NULL where the column is: where SQLite finds no memory for the text, the program
 * ends. */
const char *column_text(sqlite3_stmt *q, int column);

#endif
