/* Owns: the database inside a page: a pruned copy of results.db that is small enough to embed and still
 * answers the same questions: whole runs, series thinned, maps of a few runs.
 * Does not own: how it is shown (ablations/page/). */
#ifndef SINKLAB_PAGE_DATABASE_H
#define SINKLAB_PAGE_DATABASE_H

#include "data/base/files.h"
#include "train/store/store.h"

/* Appends the copy's bytes, a SQLite file in rollback mode. sweep NULL: every run. `queries`, a folder of
 * .sql files whose first line is a comment, goes into its table page_query; one that is not there is
 * let pass. What was left out is said in its table page_note. */
bool extract(Store *s, const char *sweep, const char *queries, Bytes *out, Error *e);

#endif
