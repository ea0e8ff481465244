/* Owns: unpacking zstd that lies in memory, with its checksums and without trusting its sizes.
 * Does not own: files. */
#ifndef SINKLAB_ZSTD_H
#define SINKLAB_ZSTD_H

#include "data/base/bytes.h"

/* Whether the bytes begin as zstd does. */
bool zstd_begins(const void *data, int64_t size);

/* Appends the text of all frames, one after the other, by the rules of gzip_unpack (data/base/gzip.h) and
 * with its bounds. */
bool zstd_unpack(const void *data, int64_t size, const char *name, Bytes *out, Error *e);

#endif
