/* Owns: whether a run that is about to begin can go on from a done one that differs in train.steps alone, and
 * what it takes over from there. Does not own: going on with a run of its own (checkpoint_resume), the loop
 * (train/run.c). */
#ifndef SINKLAB_GO_ON_H
#define SINKLAB_GO_ON_H

#include "train/config/config.h"
#include "train/optim/optim.h"
#include "train/store/store.h"

typedef struct Earlier {
    DoneRun run;     /* id -1: there is none of the same start */
    int64_t step;    /* after which it is gone on from; 0: it cannot be */
    char path[1024]; /* the whole checkpoint of that step */
    char why[192];   /* it cannot */
} Earlier;

/* The longest done run that begins as this one, of key `key`, does: equal but for train.steps, run.* and what
 * of probe.* says how often. It can be gone on from where up to some whole checkpoint of its own both have
 * the same rates, evaluations and rows of gradients, and here are its kernels: then every bit is that of the
 * run uninterrupted, and every row but attention maps, which stay those of the earlier one's steps. */
bool go_on_find(Store *s, const Config *c, const char *key, const char *corpus, const char *tokenizer,
                const char *kernels, Earlier *out, Error *e);

/* Weights, the optimiser's state, and the rows up to there, but for the evaluation after that very step. */
bool go_on_take(Store *s, const Earlier *from, const Config *c, int64_t run, Model *m, OptimState *o,
                Error *e);

#endif
