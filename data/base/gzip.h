/* Owns: unpacking gzip that lies in memory, with its checksums and without trusting its sizes.
 * Does not own: files. */
#ifndef SINKLAB_GZIP_H
#define SINKLAB_GZIP_H

#include "data/base/bytes.h"

enum {
    GZIP_RATIO = 100,    /* text unpacks to some 3 to 30 times its size, a bomb to 1,000 times */
    GZIP_FREE = 1 << 20, /* bytes that any file may unpack to */
};

/* Whether the bytes begin as gzip does. */
bool gzip_begins(const void *data, int64_t size);

/* Appends the text of all members, one after the other. Refused in one line (EXIT_USAGE), naming `name`: a
 * member cut short, a checksum that does not fit, bytes after the last member that are not zeros, and a text
 * of more than GZIP_FREE + GZIP_RATIO * size bytes. A failure leaves `out` with the bytes it had. */
bool gzip_unpack(const void *data, int64_t size, const char *name, Bytes *out, Error *e);

#endif
