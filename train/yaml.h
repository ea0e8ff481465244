/* Owns: YAML (and so JSON) read through libyaml into a small tree whose nodes know file,
 * line and column; anchors, aliases and merge keys resolved; duplicate keys refused.
 * Does not own: what the keys mean. Scalars stay text: their reader knows their type. */
#ifndef SINKLAB_YAML_H
#define SINKLAB_YAML_H

#include "data/base/error.h"

#include <stddef.h>

typedef enum YamlKind { YAML_SCALAR, YAML_LIST, YAML_MAP } YamlKind;

typedef struct Yaml {
    YamlKind kind;
    char *text;           /* scalar */
    bool quoted;          /* scalar written in quotes */
    int n;                /* entries of a list or map */
    struct Yaml **value;
    struct Yaml **key;    /* map: scalars */
    int line, column;     /* from 1 */
} Yaml;

Yaml *yaml_load(const char *path, Error *e);                                    /* NULL on error */
Yaml *yaml_parse(const char *text, size_t length, const char *name, Error *e); /* NULL on error */
void yaml_free(Yaml *y);
/* The value of a key of a map, or NULL. */
const Yaml *yaml_get(const Yaml *map, const char *key);

#endif
