/* Owns: what a person sees while several runs go at once: a table kept up to date on a terminal, a plain
 * line a finished run elsewhere. Does not own: the runs. */
#ifndef SINKLAB_PROGRESS_TABLE_H
#define SINKLAB_PROGRESS_TABLE_H

#include "ablations/sweep/plan.h"

typedef struct Live {
    bool terminal, quiet;
    int lines; /* of the table that stands on the terminal */
} Live;

/* Draws the runs `going` (indices) and a line of counts below them. Nothing where there is no terminal. */
void live_draw(Live *l, const Plan *p, Store *s, const int *going, int n, const char *counts);
/* A line of its own, above the table. */
void live_say(Live *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
