/* Owns: what a person sees while a run goes: one line kept up to date on a terminal; a plain line at the
 * start, at each tenth and at the end elsewhere, and in the run's log wherever it runs; a line of whatever
 * else takes its time. Does not own: any figure. */
#ifndef SINKLAB_PROGRESS_H
#define SINKLAB_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Progress {
    char name[256]; /* "head_out=none lr=0.001 seed 0" */
    int64_t steps;
    int64_t every;  /* steps between plain lines; 0: a tenth of the run */
    double flops;   /* a step */
    double peak;    /* FLOP/s; 0: not measured */
    int64_t tokens; /* a step */
    bool terminal, quiet;
    FILE *log;        /* gets the plain lines too, quiet or not; NULL: none */
    double last;      /* when the line was last drawn, seconds */
    double ms;        /* smoothed time of a step with its probes and saves */
    double train_ms;  /* smoothed time of a step alone */
    double sink_rate; /* of the last evaluation */
} Progress;

/* name NULL: by variant and seed. log: of a run's folder, made or added to; what cannot be written there is
 * not. */
void progress_start(Progress *p, const char *name, const char *variant, int64_t seed, const char *log);
/* After a step. ms: the step alone; all_ms: with probes and saves. */
void progress_step(Progress *p, int64_t step, double loss, double ms, double all_ms);
void progress_end(Progress *p);
/* A line of its own, above the live one. */
void progress_say(Progress *p, const char *line);

/* "step 7 of 100  loss 3.1416  sink rate 0.250  0:04 left", of a run after `step` updates; NAN: not known,
 * left out. */
enum { PROGRESS_FIGURES = 128 };
const char *progress_figures(int64_t step, int64_t steps, double loss, double sink_rate, double seconds_left,
                             char out[PROGRESS_FIGURES]);
/* Which of its tenths a run is in: 0 before the first update, 1 up to a tenth, ..., 11 at its end. */
int progress_tenth(int64_t step, int64_t steps);

/* A line where there is no live one: for those that take a `say`, as dataset_open does. */
void progress_line(const char *line);

#endif
