/* Owns: what it brings to train one model on several processes, each with its shares of a step's rows, beside
 * one process that has all rows. Does not own: a step (train/bench.h), what passes between processes
 * (train/processes.h). */
#ifndef SINKLAB_BENCH_PROCESSES_H
#define SINKLAB_BENCH_PROCESSES_H

#include "train/config/config.h"
#include "train/processes.h"

/* Times `steps` steps of one process, then of all; the first process prints. */
bool processes_show(Processes *p, const char *name, const Config *c, int steps, bool json, Error *e);

#endif
