/* Owns: the model that a path names, a checkpoint or a folder in Hugging Face's form, and what its tokens
 * are: of a run's data, or of a tokenizer of its own. Does not own: which path
 * (train/checkpoint/find_model.h), the rows that are made of tokens (ablations/probe/probed_model.h). */
#ifndef SINKLAB_PROBE_SOURCE_H
#define SINKLAB_PROBE_SOURCE_H

#include "data/base/files.h"
#include "train/checkpoint/find_model.h"
#include "train/checkpoint/hugging_face.h"

typedef struct ProbeSource {
    const char *path;
    bool raw;       /* in Hugging Face's form */
    Imported from;  /* of such; ours: an export of this program's */
    char key[33];   /* of the run that wrote it; "": of none */
    int64_t step;   /* 0: not told */
    char own[1024]; /* folder of the model's own tokenizer; "": its tokens are those of the run's data */
    char tokenizer[HASH_HEX]; /* of its own tokenizer; "" */
} ProbeSource;

/* The model at `path`, which must live as long. */
bool probe_source_open(ProbeSource *s, const char *path, Config *c, Model **m, Error *e);
/* Whose tokens text must have, or why no text has them. */
bool probe_source_tokens(ProbeSource *s, Config *c, Error *e);
/* Whether data are those that the model was trained with, and a remark where they are in part. */
bool probe_source_fits(const ProbeSource *s, const Config *c, const DatasetInfo *info, const char **remark,
                       Error *e);
/* The weights of the i-th checkpoint of a series into the model that was opened as one of it. Refuses one of
 * another run, of another step than its folder says, of another model or tokenizer. */
bool probe_source_load(ProbeSource *s, const FoundModel *f, int i, const Config *c, Model *m, Error *e);

#endif
