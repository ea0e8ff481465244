/* Owns: the processes that train one model together, and what passes between them. Does not own: which share
 * of a step is whose (train/step.h), who writes (train/run.c), starting them (mpirun). ./sinklab-mpi has MPI
 * (processes_mpi.c); ./sinklab is one process (processes_none.c). */
#ifndef SINKLAB_PROCESSES_H
#define SINKLAB_PROCESSES_H

#include "data/base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Processes {
    int rank, size; /* this one's number; all of them */
    double seconds; /* passed in exchanges so far */
    float *room;    /* for one exchange */
} Processes;

/* Joins the others that mpirun started: once a program, closed before it ends. Alone: {0, 1}. */
bool processes_open(Processes *p, Error *e);
void processes_close(Processes *p);
/* Ends every process, where the others would wait for this one for ever. */
_Noreturn void processes_abort(const Processes *p, int code);

/* The sum over the processes, a power of two, in place in each: neighbours are added first, then pairs, pairs
 * of pairs, so that it has the bits of any program that adds so. */
void processes_sum(Processes *p, float *x, size_t n);
/* The rank-th `bytes` of x from each, into all of x in each. */
void processes_gather(Processes *p, void *x, size_t bytes);
/* What the first process has in x, into every x. */
void processes_tell(Processes *p, void *x, size_t bytes);

#endif
