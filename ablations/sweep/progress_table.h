/* Owns: what a person sees while several runs go at once: a table kept up to date on a terminal; elsewhere a
 * plain line of each run at its start, at each tenth and at its end. Does not own: the runs. */
#ifndef SINKLAB_PROGRESS_TABLE_H
#define SINKLAB_PROGRESS_TABLE_H

#include "ablations/sweep/plan.h"

typedef struct ProgressTable {
    bool terminal, quiet;
    int lines;   /* of the table that stands on the terminal */
    char *tenth; /* [runs] of the tenth that a plain line has told (train/progress.h), + 1; 0: none yet */
} ProgressTable;

/* "head_out=none lr=0.001 seed 0": the cell and the seed; returns `out`. */
const char *progress_table_name(const Plan *p, int run, char out[LABEL_TEXT + 32]);
/* "  step 60 of 60  loss 3.1416  sink rate 0.250" of what results.db has of a run; "" before its first step.
 */
void progress_table_figures(const Plan *p, int run, Store *s, char *out, size_t room);
/* Tells of the runs `going` (indices), on a terminal with a line of counts below them. */
void progress_table_draw(ProgressTable *t, const Plan *p, Store *s, const int *going, int n,
                         const char *counts);
/* A line of its own, above the table. */
void progress_table_say(ProgressTable *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
