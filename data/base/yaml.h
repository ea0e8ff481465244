/* Owns: YAML (and so JSON) read through libyaml into a small tree whose nodes know line and
 * column; anchors, aliases and merge keys resolved; duplicate keys refused. And how a string is
 * written so that this reader and every JSON reader get it back.
 * Does not own: what the keys mean. Scalars stay text: their reader knows their type. */
#ifndef SINKLAB_YAML_H
#define SINKLAB_YAML_H

#include "data/base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum YamlKind { YAML_SCALAR, YAML_LIST, YAML_MAP } YamlKind;

typedef struct Yaml {
    YamlKind kind;
    char *text;  /* scalar */
    bool quoted; /* scalar written in quotes */
    int n;       /* entries of a list or map */
    struct Yaml **value;
    struct Yaml **key; /* map: scalars */
    int *index;        /* of a large map: key + 1 by the hash of its text, 0 free; NULL: none */
    uint32_t places;   /* of index, a power of two */
    int line, column;  /* from 1 */
} Yaml;

/* One document, read whole; an empty one is an empty map. NULL on error, with exit code 2 and
 * "name:line:column: why", or as data/base/files.h says of a file that cannot be read. Every alias becomes a
 * copy of what it stands for; the keys of a map merged by `<<` come after the map's own, which win, as does
 * the first of several merged maps. The tree is bounded (YAML_NODES, YAML_DEPTH), copies counted, and reading
 * stops where it would grow beyond, so that no text takes more time or memory than its length. */
enum { YAML_NODES = 1 << 16, YAML_DEPTH = 64 };
Yaml *yaml_load(const char *path, Error *e);
Yaml *yaml_parse(const char *text, size_t length, const char *name, Error *e);

/* Static, because libyaml exports a yaml_free of its own, which a public one would take over. */
void yaml_tree_free(Yaml *y);
static inline void yaml_free(Yaml *y) {
    yaml_tree_free(y);
}

/* The value of a key of a map, or NULL. */
const Yaml *yaml_get(const Yaml *map, const char *key);

/* The node as JSON on one line, every scalar a string; malloc'ed. yaml_parse reads it back. */
char *yaml_json(const Yaml *y);

/* Writes text as a JSON string, quotes included. UTF-8 stays as it is, what YAML does not take
 * raw is escaped, bytes that are not UTF-8 become U+FFFD. */
void json_string(FILE *out, const char *text);

#endif
