/* Owns: llm.c's token files: a header of 256 int32 (20240520, version 1, number of tokens, zeros), then the
 * tokens as uint16, little-endian; or 20240801, version 7, and uint32. Written of a stream, for programs that
 * train on those; read of either kind, and of nanoGPT's, which have uint16 alone and a name that ends in
 * .bin. Does not own: which tokens; rows and their order, which such files know nothing of. */
#ifndef SINKLAB_SHARDS_H
#define SINKLAB_SHARDS_H

#include "data/rows.h"

enum { SHARD_TOKENS = 100000000, SHARD_HEADER = 256, SHARD_MAGIC = 20240520, SHARD_MAGIC_32 = 20240801 };

/* Writes folder/data_SPLIT_000000.bin and so on, `most` tokens each, over what is there; a document begins
 * with BOS where the stream has it so. Each file is written beside its place and renamed. */
bool shards_write(const Stream *s, const char *folder, const char *split, int64_t most, Error *e);

/* Whether a file is one of these, by its first bytes and, of nanoGPT's, its name. */
bool shard_is(const char *path);
/* All of its tokens; `id` is malloc'ed. A file that is not as long as its header says is refused
 * (EXIT_USAGE).
 */
bool shard_read(const char *path, int64_t **id, int64_t *n, Error *e);

#endif
