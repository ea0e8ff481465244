/* Owns: one run from its configuration to its last row in results.db.
 * Does not own: many runs (ablations/). */
#ifndef SINKLAB_RUN_H
#define SINKLAB_RUN_H

#include "data/base/error.h"
#include "train/config/config.h"
#include "train/processes.h"

typedef struct RunOptions {
    const char *db;    /* path of results.db */
    const char *cache; /* folder of prepared tokens */
    const char *name;  /* what progress calls it; NULL: by variant and seed */
    bool again, retry, quiet;
    Processes *processes; /* that train the one run; NULL: this one alone */
} RunOptions;

/* Trains, or goes on, or says that it is done. Returns an exit code: 0 done (also when it was
 * done before), 1 failed or diverged, 2 bad input, 130 / 143 stopped by a signal after a checkpoint. Of
 * several processes the first one does; the others take their shares of its steps. */
int run_train(const Config *c, const RunOptions *o, Error *e);

/* Parameters of the model of a configuration, nominal FLOPs a token (6 (12 L d^2 + V d) + 12 L T d
 * in the standard shape; here from the model's own tensors), bytes in the memory of each of `processes`, and
 * how many threads have work for half of their time (model/useful_threads.h), without making it. */
typedef struct RunSize {
    int64_t parameters;
    double flops_per_token, bytes;
    int threads;
} RunSize;
bool run_size(const Config *c, int64_t vocab, int processes, RunSize *out, Error *e);

/* Fills train.init_hash with that of the weights at train.init_from, by which the run is known, or refuses
 * one that is not theirs (EXIT_USAGE). Without init_from it does nothing. To be called before a run is given
 * its key. */
bool run_init_hash(Config *c, Error *e);

/* Checks of a checked configuration what would be refused before the run is registered and can be told
 * without the data: whether the model that the run starts from (train.init_from) has this shape. */
bool run_check(const Config *c, int64_t vocab, Error *e);

#endif
