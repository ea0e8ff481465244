/* Owns: results files, FOLDER/SWEEP.TABLE.csv.gz: the finished runs of a sweep, thinned so that thousands fit
 * into a repository: which rows and columns of results.db are kept and to how many digits, writing, reading
 * back. Does not own: which of two databases' runs stays (ablations/merge.c), what is made of the figures. */
#ifndef SINKLAB_RESULTS_H
#define SINKLAB_RESULTS_H

#include "train/store/store.h"

/* SQL on run: what a run cost, in cores times minutes: the wall time of its steps, evaluations and saves
 * times its threads. */
#define RUN_CORE_MINUTES                                                                                     \
    "coalesce(run.core_minutes, (SELECT round(sum(ms + coalesce(probe_ms, 0) + coalesce(save_ms, 0))"        \
    " * coalesce(run.threads, 1) / 60000, 1) FROM step WHERE run_id = run.id))"

/* Writes the done and diverged runs of the places of a sweep. Equal rows make equal bytes: nothing of a
 * machine is in them (host, path, time of day), and a file whose text stays is not touched. Refused
 * (EXIT_USAGE) where the folder has runs of the sweep that the database lacks: they would be lost. Runs that
 * it has stay, of an earlier text of the sweep too. *runs (may be NULL): how many were written. */
bool results_write(const char *folder, const char *sweep, Store *s, int *runs, Error *e);

/* Reads every results file of a folder into a database, in which none of the runs may be yet; they are marked
 * by run.origin. A file that is not of this form is refused with its name and line (EXIT_USAGE), and so is a
 * run of which two files say different things. */
bool results_read(const char *folder, Store *into, Error *e);

/* Whether results files have the column (NULL: any of the table), at the last evaluation of a run at the
 * least. */
bool results_keep(const char *table, const char *column);

#endif
