/* Owns: what it would bring to train one model on several processes, each with its share of a step's rows and
 * the gradients averaged among them (data parallel, by MPI), beside one process that has all rows.
 * Does not own: a step (train/bench.h), starting the processes (mpirun). ./sinklab-mpi has it
 * (ablations/bench/processes_mpi.c); in ./sinklab it is an error that says so. */
#ifndef SINKLAB_BENCH_PROCESSES_H
#define SINKLAB_BENCH_PROCESSES_H

#include "train/bench.h"

typedef struct Processes Processes;

/* Joins the processes: once a program, closed before the program ends. `rank` is this process's number. */
bool processes_open(Processes **out, int *rank, Error *e);
void processes_close(Processes *p);

/* Every process says the same: that all are well, or that one is not. */
bool processes_agree(Processes *p, bool ok, Error *e);

/* Times `steps` steps of one process, then of all; the first process prints. */
bool processes_show(Processes *p, const char *name, const Config *c, int steps, bool json, Error *e);

#endif
