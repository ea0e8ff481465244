/* Owns: how the verdicts of a sweep are told: its claim, its scale, the rows of the view `verdict`, as text,
 * JSON or Markdown; and its runs as CSV. Does not own: the statistics (train/schema.sql). */
#ifndef SINKLAB_VERDICT_H
#define SINKLAB_VERDICT_H

#include "ablations/sweep/sweep.h"
#include "train/store/store.h"

/* BRIEF: Markdown too, the table alone, a row an expectation and side. */
typedef enum VerdictForm { VERDICT_TEXT, VERDICT_JSON, VERDICT_MARKDOWN, VERDICT_BRIEF } VerdictForm;

/* Fails (EXIT_USAGE) where the database does not know the sweep; says so when the file has changed since, or
 * makes other runs. */
bool verdict_known(const Sweep *s, Store *store, Error *e);

/* The sweep as results.db has it; says so when the file has changed since. */
bool verdict_print(FILE *out, const Sweep *s, Store *store, VerdictForm form, Error *e);

/* One row a run: place, key, status, seed, cell, its axes, its final figures. */
bool sweep_csv(FILE *out, const Sweep *s, Store *store, Error *e);

#endif
