/* Owns: what a word of the command line names: one checkpoint, a folder of them, or a run by the start of its
 * key. Does not own: what is in a checkpoint (train/checkpoint/checkpoint.h), the database
 * (train/store/store.h). */
#ifndef SINKLAB_FIND_MODEL_H
#define SINKLAB_FIND_MODEL_H

#include "data/base/error.h"

#include <stdint.h>

/* A folder whose name tells the step: step-00001000, step1000, checkpoint-1000, step1000-tokens4B. */
typedef struct FoundStep {
    int64_t step;
    char name[128];
} FoundStep;

typedef struct FoundModel {
    char path[1024];   /* the checkpoint named, or the newest that can be read */
    char folder[1024]; /* of several; "": one checkpoint was named */
    FoundStep *at;     /* (there) the folders in it, by step, each once; those chosen, n, before the others */
    int n, there;
} FoundModel;

/* A file or folder that is there comes before a run; a run's files lie beside `db`, which need not be there
 * where no run is named. A folder without a checkpoint, a run without one, and two folders of one step are
 * errors (EXIT_USAGE) that say so. Folders of others (Hugging Face's form, or imported from there) are taken
 * by their names; a line counts those whose name tells no step. */
bool find_model(const char *word, const char *db, FoundModel *out, Error *e);
/* The path of the i-th. */
void found_model_path(const FoundModel *f, int i, char path[1024]);
/* Whether a folder is in Hugging Face's form: an imported checkpoint has no config.json. */
bool is_hugging_face(const char *path);
void found_model_free(FoundModel *f);

#endif
