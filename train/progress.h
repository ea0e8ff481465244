/* Owns: what a person sees while a run goes: one line kept up to date on a terminal, a plain line
 * now and then elsewhere; and a line of whatever else takes its time. Does not own: any figure. */
#ifndef SINKLAB_PROGRESS_H
#define SINKLAB_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Progress {
    char name[96]; /* "baseline seed 0" */
    int64_t steps;
    int64_t every;  /* steps between plain lines */
    double flops;   /* a step */
    double peak;    /* FLOP/s; 0: not measured */
    int64_t tokens; /* a step */
    bool terminal, quiet;
    double last;      /* when the line was last drawn, seconds */
    double ms;        /* smoothed time of a step with its probes and saves */
    double train_ms;  /* smoothed time of a step alone */
    double sink_rate; /* of the last evaluation */
} Progress;

void progress_start(Progress *p, const char *variant, int64_t seed);
/* After a step. ms: the step alone; all_ms: with probes and saves. */
void progress_step(Progress *p, int64_t step, double loss, double ms, double all_ms);
void progress_end(Progress *p);
/* A line of its own, above the live one. */
void progress_say(Progress *p, const char *line);

/* A line where there is no live one: for those that take a `say`, as dataset_open does. */
void progress_line(const char *line);

#endif
