#include "ablations/sweep/sweep_reader.h"

#include "data/base/bytes.h"
#include "train/config/did_you_mean.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MOST = 2048 };

char *reader_own(SweepReader *p, char *text) {
    char **grown = text ? realloc(p->s->own, ((size_t)p->s->owned + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(text);
        fail(p->e, EXIT_FAILED, "%s: out of memory", p->s->path);
        return NULL;
    }
    p->s->own = grown;
    return grown[p->s->owned++] = text;
}

char *reader_print(SweepReader *p, const char *format, ...) {
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&text, format, args);
    va_end(args);
    return reader_own(p, n < 0 ? NULL : text);
}

bool reader_refuse(SweepReader *p, const Yaml *at, const char *format, ...) {
    char why[900];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    return fail(p->e, EXIT_USAGE, "%s:%d:%d: %s", p->s->path, at->line, at->column, why);
}

bool reader_grow(SweepReader *p, void *array, int n, size_t size) {
    return memory_grow(array, n + 1, size, p->e);
}

bool reader_is_key(const char *key) {
    for (int i = 0; config_key_name(i); i++)
        if (!strcmp(config_key_name(i), key)) return true;
    return false;
}

bool reader_is_group(const char *key) {
    size_t length = strlen(key);
    for (int i = 0; config_key_name(i); i++)
        if (!strncmp(config_key_name(i), key, length) && config_key_name(i)[length] == '.') return true;
    return false;
}

bool reader_each_key(SweepReader *p, const Yaml *map, const char *prefix, KeyReader *read) {
    if (map->kind != YAML_MAP) return reader_refuse(p, map, "expected a map of keys (KEY: ...)");
    for (int i = 0; i < map->n; i++) {
        const char *key = *prefix ? reader_print(p, "%s.%s", prefix, map->key[i]->text) : map->key[i]->text;
        if (!key) return false;
        bool known = reader_is_key(key);
        if (!known && !reader_is_group(key)) {
            char hint[160];
            return reader_refuse(p, map->key[i], "unknown key %s%s", key,
                                 config_key_hint(key, hint, sizeof hint));
        }
        if (!(known ? read(p, key, map->key[i], map->value[i])
                    : reader_each_key(p, map->value[i], key, read)))
            return false;
    }
    return true;
}

bool reader_value(SweepReader *p, const char *key, const Yaml *value, Setting *out) {
    if (value->kind == YAML_MAP) return reader_refuse(p, value, "%s: expected a value, not a map", key);
    const char *text = value->kind == YAML_LIST ? reader_own(p, yaml_json(value)) : value->text;
    const char *where = reader_print(p, "%s:%d:%d", p->s->path, value->line, value->column);
    char canonical[TEXT_MOST];
    Config scratch;
    if (!text || !where) return false;
    config_defaults(&scratch);
    if (!config_set(&scratch, key, text, where, p->e)) return false;
    if (!config_get(&scratch, key, canonical, sizeof canonical))
        return reader_refuse(p, value, "%s: the value is too long", key);
    *out = (Setting){key, reader_print(p, "%s", canonical), where};
    return out->text;
}

bool reader_text(SweepReader *p, const Yaml *value, const char *key, const char **out) {
    if (value->kind != YAML_SCALAR) return reader_refuse(p, value, "%s: expected a text", key);
    *out = value->text;
    return true;
}

const char *reader_beside(SweepReader *p, const char *name) {
    const char *slash = strrchr(p->s->path, '/');
    return reader_print(p, "%.*s%s", *name == '/' || !slash ? 0 : (int)(slash + 1 - p->s->path), p->s->path,
                        name);
}

bool reader_only_keys(SweepReader *p, const Yaml *map, const char *what, const char *const *known) {
    if (map->kind != YAML_MAP) return reader_refuse(p, map, "%s: expected a map", what);
    for (int i = 0; i < map->n; i++) {
        const char *key = map->key[i]->text;
        char hint[160];
        int k = 0;
        while (known[k] && strcmp(known[k], key)) k++;
        if (!known[k])
            return reader_refuse(p, map->key[i], "%s: unknown key %s%s", what, key,
                                 did_you_mean_among(key, known, hint, sizeof hint));
    }
    return true;
}

bool reader_integer(const Yaml *y, int64_t *out) {
    char *end;
    if (y->kind != YAML_SCALAR || !isdigit((unsigned char)*y->text)) return false;
    errno = 0;
    *out = strtoll(y->text, &end, 10);
    return !*end && !errno && *out <= INT64_C(1) << 53;
}
