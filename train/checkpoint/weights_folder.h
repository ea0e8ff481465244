/* Owns: the tensors of a folder in Hugging Face's form: of model.safetensors, or of the shards that
 * model.safetensors.index.json names; and which of them were taken, so that none is left out unseen.
 * Does not own: what a tensor means (train/checkpoint/hugging_face.c). */
#ifndef SINKLAB_WEIGHTS_FOLDER_H
#define SINKLAB_WEIGHTS_FOLDER_H

#include "data/base/files.h"
#include "train/checkpoint/safetensors.h"

typedef struct Shard {
    Path path;
    StFile *file;
    bool *taken; /* (tensors of the file) */
} Shard;

typedef struct WeightsFolder {
    Shard *at;
    int n;
} WeightsFolder;

/* Maps the files; nothing of them is read but their headers. Refused in a line (EXIT_USAGE): an index that
 * points outside the folder, or that does not name each tensor of its shards once. */
bool weights_open(WeightsFolder *w, const char *folder, Error *e);
void weights_close(WeightsFolder *w);
/* Of the contents of a folder's files of weights, in the order of their names in the index. */
bool weights_hash(const char *folder, char hex[HASH_HEX], Error *e);
/* NULL if absent; *in: the shard that has it. */
const StTensor *weights_find(const WeightsFolder *w, const char *name, Shard **in);
/* The numbers of a tensor that weights_find gave, which is then taken. */
bool weights_take(Shard *in, const StTensor *t, float *out, Error *e);
/* Marks as taken without reading. */
void weights_leave(Shard *in, const StTensor *t);
/* The first tensor that was not taken; NULL: all were. */
const StTensor *weights_left(const WeightsFolder *w, Shard **in);

#endif
