/* Owns: the processes that train one model together, and what passes between them. Does not own: which share
 * of a step is whose (train/step.h), who writes (train/run.c), starting them (mpirun). ./sinklab-mpi has MPI
 * (processes_mpi.c); ./sinklab is one process (processes_none.c). */
#ifndef SINKLAB_PROCESSES_H
#define SINKLAB_PROCESSES_H

#include "data/base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct Processes {
    int rank, size; /* this one's number; all of them, a power of two */
    int part;       /* of a shared array, this one's: the bits of rank in reverse */
    double seconds; /* passed in exchanges so far */
    float *room;    /* for one exchange */
} Processes;

/* Joins the others that mpirun started: once a program, closed before it ends. Alone: {0, 1, 0}. */
bool processes_open(Processes *p, Error *e);
void processes_close(Processes *p);
/* Ends every process, where the others would wait for this one for ever. */
_Noreturn void processes_abort(const Processes *p, int code);

/* Part i of a shared array is x[cut[i] .. cut[i + 1]), of `size` parts. */

/* Each part summed over the processes, in place in the one whose part it is, and on from it to the next
 * multiple of `grain` or the array's end; elsewhere x is spoiled.
 * Neighbours are added first, then pairs, pairs of pairs: the bits are those of any program that adds so. */
void processes_sum(Processes *p, float *x, const size_t *cut, size_t grain);
/* Each process's part into all of x in each. */
void processes_spread(Processes *p, float *x, const size_t *cut);
/* Each process's part into x of the first one; and back from there. */
void processes_collect(Processes *p, float *x, const size_t *cut);
void processes_deal(Processes *p, float *x, const size_t *cut);
/* Of each number, which one process knows and the others have as 0, into all of x in each. */
void processes_join(Processes *p, double *x, size_t n);
/* The rank-th `bytes` of x from each, into all of x in each. */
void processes_gather(Processes *p, void *x, size_t bytes);
/* What the first process has in x, into every x. */
void processes_tell(Processes *p, void *x, size_t bytes);

#endif
