/* Owns: the rows of the four probes, drawn from held-out text and the seed alone.
 * Does not own: what is measured on them. */
#ifndef SINKLAB_PROBE_ROWS_H
#define SINKLAB_PROBE_ROWS_H

#include "data/data.h"

/* Rows of main: held-out text, probe.length tokens at most, with BOS where training rows have it; of context:
 * as long as those; of other_bos: main's text with BOS put in or taken out; of random: uniform tokens, no BOS
 * (arXiv 2605.06611's variance); of repeated: one such token a row, from its first place to its last, whose
 * values average to themselves. Those for the loss of `other_bos` are rows of their own at the training
 * context. */
typedef enum ProbeName { MAIN, CONTEXT, OTHER_BOS, RANDOM, OTHER_BOS_LOSS, REPEATED, PROBES } ProbeName;

typedef struct ProbeRows {
    int rows, T;
    Rows at;       /* without `kind` where the task has no classes, and where tokens are random */
    float *losses; /* (rows, T) room for them */
} ProbeRows;

bool probe_rows_create(ProbeRows *p, int64_t rows, int64_t T, Error *e);
void probe_rows_free(ProbeRows *p);

/* `rows` rows of T tokens, fewer where the held-out text has fewer; `bos`: whether they begin with BOS. */
bool probe_rows_draw(ProbeRows *p, ProbeName name, const Dataset *d, uint64_t seed, int64_t rows, int64_t T,
                     bool bos, Error *e);

/* RANDOM or REPEATED without a dataset: of uniformly random tokens 0 .. vocab - 1 but `bos` (-1: but none),
 * nothing scored. */
bool probe_rows_random(ProbeRows *p, ProbeName name, int64_t vocab, int32_t bos, uint64_t seed, int64_t rows,
                       int64_t T, Error *e);

/* Targets that model.prefix leaves in sight are not scored: those of positions below prefix - 1. */
void rows_hide_targets(Rows *at, int rows, int T, int64_t prefix);

#endif
