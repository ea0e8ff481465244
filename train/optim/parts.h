/* Owns: which weights this process updates, where several train one model: a part of the arena, as large as
 * the others' but for what stays together; what passes between processes of arrays laid out so. Does not own:
 * what an update is (train/optim/optim.h), how it passes (train/processes.h). */
#ifndef SINKLAB_PARTS_H
#define SINKLAB_PARTS_H

#include "model/model.h"
#include "train/processes.h"

enum { PARTS_BLOCK = 4096 }; /* floats summed together, whatever the threads and processes */

typedef struct Parts {
    Processes *processes; /* NULL: alone */
    size_t *cut;          /* of the arena: part i is [cut[i], cut[i + 1]) */
    size_t low, high;     /* this process's */
} Parts;

/* A tensor is cut at multiples of PARTS_BLOCK from its start, or stays whole where `whole` (NULL: none) says
 * so by a number. False where memory is short. */
bool parts_create(Parts *s, const Model *m, size_t (*whole)(const Tensor *t), Processes *p);
void parts_free(Parts *s);
/* What this process has of a tensor: the tensor, a part of it as one vector, or nothing (0 rows). */
Tensor parts_tensor(const Parts *s, const Tensor *t);

/* Of gradients: each process's part becomes the sum over all, and beyond it the block that it ends in. */
void parts_sum(const Parts *s, float *grads);
/* Of weights: each process's part, into all. */
void parts_spread(const Parts *s, float *weights);
/* Of sums over blocks: what one process knows and the others have as 0, into all. */
void parts_join(const Parts *s, double *sums, size_t n);

/* Of a state: each process's part into the first one's; back from there; the memory of others' parts, which
 * holds nothing that is needed, given back: an arena takes as much as its part. */
void parts_collect(const Parts *s, float *state);
void parts_deal(const Parts *s, float *state);
void parts_forget(const Parts *s, float *state);

#endif
