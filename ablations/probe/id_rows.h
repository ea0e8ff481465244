/* Owns: token numbers that the user gives, as rows: each as it stands, no BOS put in or taken out. Does not
 * own: text (text_rows.h), what is measured. */
#ifndef SINKLAB_ID_ROWS_H
#define SINKLAB_ID_ROWS_H

#include "train/probe_rows.h"

/* A file of tokens (data/shards.h) gives its first `rows` rows of T inputs, one behind the other. Any other
 * holds JSON: lists of numbers, one row each, or lists of such lists. A row of T + 1 numbers is T
 * inputs, each with the next number as its target. Refused (EXIT_USAGE): numbers outside 0 .. vocab - 1, rows
 * of several lengths, of one number, of more than `most` + 1. */
bool id_rows_read(ProbeRows *p, const char *path, int64_t vocab, int64_t most, Error *e);
bool id_rows_of_shard(ProbeRows *p, const char *path, int64_t vocab, int64_t rows, int64_t T, Error *e);

#endif
