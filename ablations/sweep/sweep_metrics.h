/* Owns: which figures an expectation can be about: the metrics of the view `sweep_metrics`.
 * Does not own: their definitions (train/schema.sql). */
#ifndef SINKLAB_SWEEP_METRICS_H
#define SINKLAB_SWEEP_METRICS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* Where names are looked up: an empty results.db in memory, made by the first question of all (*db NULL) and
 * the caller's to close. */

/* NAME is measured on probe main; PROBE.NAME, but for onset, on another probe. hint: of an unknown one
 * " (did you mean NAME?)", or "". */
bool sweep_metric_known(sqlite3 **db, const char *metric, char *hint, size_t room);

/* "eval.sink_mass": whether results.db has that column of figures of a run. */
bool sweep_column_known(sqlite3 **db, const char *column, char *hint, size_t room);

#endif
