/* Owns: what a word of the command line names: one checkpoint, a folder of them, or a run by the start of its
 * key. Does not own: what is in a checkpoint (train/checkpoint/checkpoint.h), the database
 * (train/store/store.h). */
#ifndef SINKLAB_FIND_MODEL_H
#define SINKLAB_FIND_MODEL_H

#include "data/base/error.h"

#include <stdint.h>

typedef struct FoundModel {
    char path[1024];   /* the checkpoint named, or the newest that can be read */
    char folder[1024]; /* of the folders step-NNNNNNNN; "": one checkpoint was named */
    int64_t *steps;    /* (n) of those folders, ascending */
    int n;
} FoundModel;

/* A file or folder that is there comes before a run; a run's files lie beside `db`, which need not be there
 * where no run is named. A folder without a checkpoint, and a run without one, are errors (EXIT_USAGE) that
 * say so. */
bool find_model(const char *word, const char *db, FoundModel *out, Error *e);
void found_model_free(FoundModel *f);

#endif
