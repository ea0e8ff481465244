/* Owns: memory that grows: buffers of bytes, arrays. Does not own: what is in them, files. */
#ifndef SINKLAB_BYTES_H
#define SINKLAB_BYTES_H

#include "data/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* A growing buffer; all zero is empty. */
typedef struct Bytes {
    char *data;
    int64_t size;
    int64_t capacity;
} Bytes;
bool bytes_append(Bytes *b, const void *data, int64_t size, Error *e);
bool bytes_reserve(Bytes *b, int64_t more, Error *e); /* room for `more` bytes behind those there are */
void bytes_free(Bytes *b);

/* realloc for `count` items of `size` bytes; false leaves *pointer as it was. */
bool memory_grow(void **pointer, int64_t count, size_t size, Error *e);

#endif
