/* Owns: what every part of a sweep's file is read with: errors with their place, texts that live as long as
 * the sweep, keys and values of the configuration. Does not own: the grammar (sweep.c), YAML
 * (data/base/yaml.h). */
#ifndef SINKLAB_SWEEP_READER_H
#define SINKLAB_SWEEP_READER_H

#include "ablations/sweep/sweep.h"

#include <sqlite3.h>

enum { SEEDS_MOST = 10000 };

typedef struct SweepReader {
    Sweep *s;
    Error *e;
    sqlite3 *figures; /* where their names are looked up (sweep_metrics.h) */
    int *left_out;    /* an entry of exclude: the place on each axis; -1: any */
} SweepReader;

/* Takes a malloc'ed text; NULL is let pass. NULL with an error when there is no memory. */
char *reader_own(SweepReader *p, char *text);
char *reader_print(SweepReader *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An error at a place of the file, with exit code 2; false. */
bool reader_refuse(SweepReader *p, const Yaml *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Room for one more of `n` elements. */
bool reader_grow(SweepReader *p, void *array, int n, size_t size);

/* Whether it is a key of the configuration; whether keys begin with it and a dot. */
bool reader_is_key(const char *key);
bool reader_is_group(const char *key);

/* Hands every configuration key of a map, dotted or nested, to `read`. */
typedef bool KeyReader(SweepReader *p, const char *key, const Yaml *at, const Yaml *value);
bool reader_each_key(SweepReader *p, const Yaml *map, const char *prefix, KeyReader *read);

/* A value of a key as a setting with its place, in canonical form. */
bool reader_value(SweepReader *p, const char *key, const Yaml *value, Setting *out);

bool reader_text(SweepReader *p, const Yaml *value, const char *key, const char **out);

/* A path relative to the sweep's file. */
const char *reader_beside(SweepReader *p, const char *name);

/* Checks the keys of a map inside the grammar against those it may have. */
bool reader_only_keys(SweepReader *p, const Yaml *map, const char *what, const char *const *known);

/* An integer from 0 to 2^53. */
bool reader_integer(const Yaml *y, int64_t *out);

#endif
