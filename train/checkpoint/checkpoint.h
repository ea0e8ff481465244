/* Owns: what is in a checkpoint and where: a folder step-NNNNNNNN in the run's folder with
 * model.safetensors (weights under Hugging Face's names, the configuration in __metadata__) and
 * optimizer.safetensors. Written beside its place and renamed, so that there is a whole one or none.
 * Does not own: the file format (train/checkpoint/safetensors.c), when one is due (train/run.c). */
#ifndef SINKLAB_CHECKPOINT_H
#define SINKLAB_CHECKPOINT_H

#include "data/data.h"
#include "train/checkpoint/safetensors.h"
#include "train/config/config.h"
#include "train/optim/optim.h"

/* Version of what stands in a checkpoint, in its metadata beside NUMERICS. Raised when the form changes. A
 * key of model.* or data.* that a file lacks is refused, unless the key was born since (`.since`): then it
 * has its default.
 *
 * Refused, since figures would be wrong: a newer version or newer numerics; tokens of another number or of
 * another tokenizer; tensors that are not the model's. Warned of: another text under the same tokenizer (the
 * figures are of that text), older numerics (last digits may differ). */
enum { CHECKPOINT_VERSION = 1 };

/* The origin of weights: the run's key, the hashes of its data. "": not known. */
typedef struct Origin {
    const char *key, *corpus, *tokenizer;
} Origin;

/* Origin.tokenizer of a model that was imported without one: no text has its tokens. */
#define CHECKPOINT_NO_TOKENIZER "imported"

/* Writes the checkpoint after `step` updates and removes those before it but the newest and those that
 * run.keep names, which are left as weights alone, and the one from which a longer run can go on
 * (schedule_branch), which stays whole; of weights alone are only such as were asked for, and they
 * are left whatever it says now. Those after it, which the run was sent back from, are set aside as
 * step-NNNNNNNN.aside. path: (1024) the folder written. */
bool checkpoint_save(const char *run_folder, int64_t step, const Config *c, const Origin *from,
                     const Model *m, const OptimState *o, char *path, Error *e);

/* The step and folder (1024) of a run's newest checkpoint whose files can be read; 0 and "" when it has none.
 * One that is damaged is passed over; where the machine fails to read one, that is the error. */
bool checkpoint_newest(const char *run_folder, int64_t *step, char *path, Error *e);

/* Steps of the checkpoints in a folder of step-NNNNNNNN, ascending, malloc'ed; how many: none where there is
 * no such folder, -1 with an error where it cannot be read. */
int checkpoint_steps(const char *folder, int64_t **steps, Error *e);
/* Where the checkpoint after that many steps lies in such a folder. path: (1024). */
void checkpoint_path(const char *folder, int64_t step, char *path);
/* Removes those before the newest that can be gone on from (else, the newest that can be read). bytes: freed.
 */
bool checkpoint_prune(const char *run_folder, int *removed, int64_t *bytes, Error *e);

/* The weights alone, folder/model.safetensors in a folder that is there. */
bool checkpoint_save_weights(const char *folder, int64_t step, const Config *c, const Origin *from,
                             const Model *m, Error *e);

/* Metadata of a checkpoint, for whoever writes it to a file of another name. Holds malloc'ed texts:
 * checkpoint_meta_free. */
enum { CHECKPOINT_META = 8 };
typedef struct CheckpointMeta {
    StMeta at[CHECKPOINT_META];
    char *config, step[24], version[12], numerics[12];
} CheckpointMeta;
void checkpoint_meta(CheckpointMeta *out, const Config *c, const Origin *from, int64_t step);
void checkpoint_meta_free(CheckpointMeta *meta);

/* The checkpoint from which a run goes on. */
typedef struct Resumed {
    int64_t step;    /* 0: from its start, and nothing was touched */
    char path[1024]; /* of the checkpoint, "" where there is none */
    Error passed;    /* what is wrong with the newest one, where it was passed over */
    int aside;       /* how many were set aside */
} Resumed;

/* Goes back to the newest checkpoint of run `key` that can be read, says that it is this run's of this step,
 * has the contents that were written, and is not beyond step `logged`, up to which its figures are there:
 * weights, optimiser state. Those beyond are set aside as step-NNNNNNNN.aside: a database can lose rows, or
 * be removed, and leave them. */
bool checkpoint_resume(const char *run_folder, const char *key, int64_t logged, Model *m, OptimState *o,
                       Resumed *out, Error *e);

/* The newest checkpoint of a run's folder that has its optimiser's state and is of step `most` or before; 0:
 * none is, or e is filled. path: (1024). */
int64_t checkpoint_whole(const char *run_folder, int64_t most, char *path, Error *e);
/* The same of one checkpoint, of run `key` after `step` updates, whichever run goes on from it. */
bool checkpoint_load_whole(const char *path, const char *key, int64_t step, Model *m, OptimState *o,
                           Error *e);

/* Weights alone into a model of the same shape (train.init_from). `path`: a checkpoint's folder or its
 * model.safetensors. A tensor that is missing, left over or of another shape is an error naming it. */
bool checkpoint_load_weights(const char *path, Model *m, Error *e);

/* The hash of a checkpoint's weights, whatever else its file says (safetensors_hash). */
bool checkpoint_hash(const char *path, char hex[33], Error *e);

/* A model of its own from a checkpoint: for probe and sample. `vocab` comes from its embedding. */
bool checkpoint_open(const char *path, Config *c, Model **m, int64_t *step, Error *e);

/* The configuration in a checkpoint's metadata, checked; model.vocab is not set. */
bool checkpoint_config(const StFile *f, const char *file, Config *c, int64_t *step, Error *e);

/* The same of the checkpoint at a path. */
bool checkpoint_read_config(const char *path, Config *c, Error *e);

/* The key of the run that wrote the checkpoint, "" where the metadata has none, and after how many updates.
 */
bool checkpoint_key(const char *path, char key[33], int64_t *step, Error *e);

/* *folder: of a tokenizer that lies beside an imported checkpoint; "": none does. One that is not the one it
 * was imported with is refused (EXIT_USAGE). */
bool checkpoint_own_tokenizer(const char *path, char folder[1024], Error *e);
/* Refuses a model that was imported without its tokenizer (EXIT_USAGE): no text has its tokens. The first is
 * the error itself. */
bool checkpoint_refuse_text(const char *what, Error *e);
bool checkpoint_takes_text(const char *path, Error *e);
/* Whether the data's vocabulary has the size that a checkpoint was trained with, and comes from the same
 * tokenizer where the metadata names one. */
bool checkpoint_fits_data(const char *path, const DatasetInfo *info, Error *e);
/* Whether a checkpoint's weights are those of model m, whose own weights need not have been allocated. */
bool checkpoint_fits_model(const char *path, const Model *m, Error *e);
/* The same of a model that is no file of ours; `tokenizer`: its hash, "": not known. */
bool checkpoint_tokens_fit(const char *what, int64_t tokens, const char *tokenizer, const DatasetInfo *info,
                           Error *e);
/* A line on what differs from when the checkpoint was trained, harmlessly; NULL: nothing does. */
bool checkpoint_remark(const char *path, const Config *c, const DatasetInfo *info, const char **remark,
                       Error *e);

#endif
