/* Owns: how the rows of a query look to people (aligned text) and to programs (a JSON array).
 * Does not own: what is asked. */
#ifndef SINKLAB_TEXT_TABLE_H
#define SINKLAB_TEXT_TABLE_H

#include "data/base/error.h"

#include <sqlite3.h>
#include <stdio.h>

/* Steps the statement to its end and prints every row under its columns' names. As text, columns
 * are two blanks apart, those that hold numbers only are aligned right, reals are shown to five digits,
 * NULL is "-". As JSON, an array of objects with full precision; infinities are null. Does not
 * finalize. Fails with EXIT_FAILED when the statement does. */
bool table_print(FILE *out, sqlite3_stmt *rows, bool json, Error *e);

#endif
