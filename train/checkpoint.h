/* Owns: what is in a checkpoint and where: a folder step-NNNNNNNN in the run's folder with
 * model.safetensors (weights under Hugging Face's names, the configuration in __metadata__) and
 * optimizer.safetensors. Written beside its place and renamed, so that there is a whole one or none.
 * Does not own: the file format (train/safetensors.c), when one is due (train/run.c). */
#ifndef SINKLAB_CHECKPOINT_H
#define SINKLAB_CHECKPOINT_H

#include "train/config.h"
#include "train/optim.h"
#include "train/safetensors.h"

/* Writes the checkpoint after `step` updates and removes all but the two newest. path: (1024) the
 * folder written. */
bool checkpoint_save(const char *run_folder, int64_t step, const Config *c, const char *key, const Model *m,
                     const OptimState *o, char *path, Error *e);

/* The weights alone, folder/model.safetensors in a folder that is there. */
bool checkpoint_save_weights(const char *folder, int64_t step, const Config *c, const char *key,
                             const Model *m, Error *e);

/* What a checkpoint says of itself beside its arrays, for files of other names. malloc'ed texts in it: see
 * checkpoint_meta_free. */
enum { CHECKPOINT_META = 4 };
typedef struct CheckpointMeta {
    StMeta at[CHECKPOINT_META];
    char *config, step[24];
} CheckpointMeta;
void checkpoint_meta(CheckpointMeta *out, const Config *c, const char *key, int64_t step);
void checkpoint_meta_free(CheckpointMeta *meta);

/* Goes back to the newest checkpoint of a run: weights, optimiser state; *step = 0 and nothing
 * touched when there is none. */
bool checkpoint_resume(const char *run_folder, Model *m, OptimState *o, int64_t *step, Error *e);

/* Weights alone into a model of the same shape (train.init_from). `path`: a checkpoint's folder or its
 * model.safetensors. A tensor that is missing, left over or of another shape is an error naming it. */
bool checkpoint_load_weights(const char *path, Model *m, Error *e);

/* A model of its own from a checkpoint: for probe and sample. `vocab` comes from its embedding. */
bool checkpoint_open(const char *path, Config *c, Model **m, int64_t *step, Error *e);

/* The key of the run that wrote it, "" where it has none. */
bool checkpoint_key(const char *path, char key[33], Error *e);

#endif
