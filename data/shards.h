/* Owns: a stream of tokens written as llm.c's token files, for programs that train on those: a header of 256
 * int32 (20240520, version 1, number of tokens, zeros), then the tokens as uint16, little-endian.
 * Does not own: which tokens; rows and their order, which such files know nothing of. */
#ifndef SINKLAB_SHARDS_H
#define SINKLAB_SHARDS_H

#include "data/rows.h"

enum { SHARD_TOKENS = 100000000, SHARD_HEADER = 256, SHARD_MAGIC = 20240520 };

/* Writes folder/data_SPLIT_000000.bin and so on, `most` tokens each, over what is there; a document begins
 * with BOS where the stream has it so. Each file is written beside its place and renamed. */
bool shards_write(const Stream *s, const char *folder, const char *split, int64_t most, Error *e);

#endif
