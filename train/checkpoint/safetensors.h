/* Owns: the safetensors file format: named fp32 arrays, a JSON header with metadata. Half-precision arrays of
 * other programs (F16, BF16) are read as fp32.
 * Does not own: what is in a checkpoint (train/checkpoint/checkpoint.c). */
#ifndef SINKLAB_SAFETENSORS_H
#define SINKLAB_SAFETENSORS_H

#include "data/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { ST_DIMS = 4 };

typedef struct StTensor {
    char name[128];
    int dims; /* 1 to ST_DIMS; 0, a scalar, by safetensors_open_any alone */
    int64_t shape[ST_DIMS];
    float *data; /* row-major; NULL by safetensors_open_any */
} StTensor;

typedef struct StMeta {
    const char *key, *value;
} StMeta; /* __metadata__: strings */

/* Writes to path.tmp, syncs, renames over path. The same input gives the same bytes. The metadata gets one
 * entry more, `checksum`: XXH3-128 of the other entries, and of names, shapes and numbers of the tensors, in
 * their order. */
bool safetensors_write(const char *path, const StTensor *t, int n, const StMeta *meta, int n_meta, Error *e);

typedef struct StFile StFile;
/* Maps the file and checks its header: no gaps, no overlaps, sizes that fit. */
bool safetensors_open(StFile **out, const char *path, Error *e);
/* Another program's file: its header may leave the data unaligned, and there may be scalars and numbers of
 * any type. No tensor has data: safetensors_read reads one, so that a file takes no memory of its own. */
bool safetensors_open_any(StFile **out, const char *path, Error *e);
void safetensors_close(StFile *f);
int safetensors_count(const StFile *f);
const StTensor *safetensors_at(const StFile *f, int i);
/* The numbers of f's own tensor t as fp32. Other types than F32, F16 and BF16, and numbers that are not
 * finite, are refused (EXIT_USAGE). */
bool safetensors_read(const StFile *f, const char *path, const StTensor *t, float *out, Error *e);
const StTensor *safetensors_find(const StFile *f, const char *name); /* lives as long as f; NULL if absent */
const char *safetensors_meta(const StFile *f, const char *key);      /* NULL if absent */
/* XXH3-128, 32 hex digits, of names, shapes and numbers of the tensors, in their order. */
bool safetensors_hash(const StFile *f, char hex[33], Error *e);
/* Whether the file's checksum holds; true of a file without one (another program's). */
bool safetensors_verify(const StFile *f, const char *path, Error *e);

#endif
