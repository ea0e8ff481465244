/* Owns: how the rows of a query look: to people (aligned text), to programs (JSON, CSV), in a document
 * (Markdown, HTML). Does not own: what is asked. */
#ifndef SINKLAB_TEXT_TABLE_H
#define SINKLAB_TEXT_TABLE_H

#include "train/store/store.h"

#include <stdio.h>

typedef enum TableForm { TABLE_TEXT, TABLE_JSON, TABLE_MARKDOWN, TABLE_HTML, TABLE_CSV } TableForm;

/* Steps the statement to its end and prints every row under its columns' names. As text, columns
 * are two blanks apart, those that hold numbers only are aligned right, reals are shown to five digits,
 * NULL is "-", control characters are \xNN; of what a terminal is too narrow for, columns that are equal in
 * all rows go into a line above, the others stand below, beside the first column again. As JSON, an array of
 * objects with full precision; infinities are null. As Markdown and HTML, reals to four digits; texts are
 * escaped, in Markdown control characters too. As CSV (RFC 4180), full precision, NULL is empty. Does not
 * finalize. Fails with EXIT_FAILED when the statement does. */
bool table_print(FILE *out, sqlite3_stmt *rows, TableForm form, Error *e);
/* The same of the first `most` rows (0: all); *seen: how many there are, one more than `most` for all beyond.
 */
bool table_print_some(FILE *out, sqlite3_stmt *rows, TableForm form, int64_t most, int64_t *seen, Error *e);

/* The statement with ?1 bound to `text` (which must outlive it; NULL: NULL), NULL on failure. */
sqlite3_stmt *table_query(Store *s, const char *sql, const char *text, Error *e);

/* Both: prints what the query answers. */
bool table_of(FILE *out, Store *s, const char *sql, const char *text, TableForm form, Error *e);

/* A text on one line, what Markdown takes for its own escaped, control characters as \\xNN. */
void markdown_text(FILE *out, const char *text);

#endif
