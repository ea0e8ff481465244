/* Owns: several configurations measured in rounds, so that a machine that slows down slows all of them; what
 * the rounds come to. Does not own: one measurement (train/bench.h), how it is shown (show.h). */
#ifndef SINKLAB_BENCH_ROUNDS_H
#define SINKLAB_BENCH_ROUNDS_H

#include "train/bench.h"

typedef struct Spread {
    double median, low, high;
} Spread;

/* One configuration and what was measured of it. */
typedef struct Entry {
    char name[512]; /* as it was asked for, with the settings over it */
    Config c;
    BenchResult result;              /* of the round of the median speed; its memory: the most of any */
    BenchMachine machine;            /* as that round found it */
    Spread speed, nominal, executed; /* over the rounds: tokens a second; MFU, each of its round's peak */
} Entry;

typedef struct Bench {
    Entry *of; /* [n] */
    int n, rounds;
    BenchMachine machine; /* medians over the rounds */
} Bench;

/* Fills all but names and configurations. steps 0: see bench_config. `say` (may be NULL) receives a line
 * before each measurement. */
bool rounds_measure(Bench *b, int steps, void (*say)(const char *line), Error *e);

const char *entry_precision(const Entry *x);
/* The peak that bounds a phase: of FLOPs in its precision, or of memory; 0: none. */
double entry_limit(const Entry *x, int phase);
/* A phase's FLOPs or bytes a second, whichever it is bound by. */
double entry_rate(const Entry *x, int phase);
double entry_share(const Entry *x, int phase); /* of the limit; 0: there is none */

#endif
