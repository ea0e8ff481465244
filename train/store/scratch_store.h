/* Owns: results that nobody keeps: a database in a folder of its own with one run in it, so that writing can
 * be timed as training does it. Does not own: what is written (train/store/store.h). */
#ifndef SINKLAB_SCRATCH_STORE_H
#define SINKLAB_SCRATCH_STORE_H

#include "data/base/files.h"
#include "train/config/config.h"
#include "train/store/store.h"

typedef struct ScratchStore {
    Path folder; /* "": not opened */
    Store *store;
    int64_t run;
} ScratchStore;

/* On failure what was made is the caller's to close. */
bool scratch_open(ScratchStore *s, const Config *c, Error *e);
void scratch_close(ScratchStore *s);

#endif
