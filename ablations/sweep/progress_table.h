/* Owns: what a person sees while several runs go at once: a table kept up to date on a terminal, a plain
 * line a finished run elsewhere. Does not own: the runs. */
#ifndef SINKLAB_PROGRESS_TABLE_H
#define SINKLAB_PROGRESS_TABLE_H

#include "ablations/sweep/plan.h"

typedef struct ProgressTable {
    bool terminal, quiet;
    int lines; /* of the table that stands on the terminal */
} ProgressTable;

/* Draws the runs `going` (indices) and a line of counts below them. Nothing where there is no terminal. */
void progress_table_draw(ProgressTable *t, const Plan *p, Store *s, const int *going, int n,
                         const char *counts);
/* A line of its own, above the table. */
void progress_table_say(ProgressTable *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
