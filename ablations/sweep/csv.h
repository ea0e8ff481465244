/* Owns: reading comma-separated values (RFC 4180), packed or not, whose first column is a run's key. Does not
 * own: what the columns mean. */
#ifndef SINKLAB_CSV_H
#define SINKLAB_CSV_H

#include "data/base/bytes.h"

enum { CSV_COLUMNS = 64 };

typedef struct Csv {
    const char *path; /* for messages */
    Bytes text;
    char *at;
    int line; /* of the record that was read last */
    int lines;
    char *field[CSV_COLUMNS];
    int fields;
} Csv;

/* Reads the file and its line of names, which become the fields. What is none, or has no column key first, is
 * refused (EXIT_USAGE). */
bool csv_open(Csv *c, const char *path, Error *e);
void csv_close(Csv *c);

/* Reads the next record; *more: whether there was one. */
bool csv_next(Csv *c, bool *more, Error *e);

/* Fails (EXIT_USAGE) with the place of the record. */
bool csv_refuse(const Csv *c, Error *e, const char *why);

#endif
