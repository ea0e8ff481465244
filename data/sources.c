#include "data/sources.h"

#include "data/base/embed.h"
#include "data/base/text.h"
#include "data/base/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

EMBED(sources_yaml, "data/sources.yaml");
extern const char sources_yaml[];
extern const uint64_t sources_yaml_length;

/* ---- rows ---- */

static const struct {
    const char *name;
    size_t at;
} texts[] = {{"package", offsetof(NamedSource, package)},     {"folder", offsetof(NamedSource, folder)},
             {"archive", offsetof(NamedSource, archive)},     {"read", offsetof(NamedSource, read)},
             {"separator", offsetof(NamedSource, separator)}, {"licence", offsetof(NamedSource, licence)}};
static const struct {
    const char *name;
    size_t at;
} lists[] = {{"address", offsetof(NamedSource, address)},
             {"heldout", offsetof(NamedSource, heldout)},
             {"files", offsetof(NamedSource, files)}};

static bool copy(char *to, const Yaml *from) {
    return from->kind == YAML_SCALAR && snprintf(to, SOURCE_TEXT, "%s", from->text) < SOURCE_TEXT;
}

static bool read_list(SourceList *out, const Yaml *value) {
    bool ok = value->kind == YAML_LIST && value->n <= SOURCE_LIST;
    for (int i = 0; ok && i < value->n; i++) ok = copy(out->at[out->n++], value->value[i]);
    return ok;
}

static bool read_field(NamedSource *out, const char *name, const Yaml *value) {
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(name, texts[i].name)) return copy((char *)out + texts[i].at, value);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!strcmp(name, lists[i].name))
            return read_list((SourceList *)(void *)((char *)out + lists[i].at), value);
    if (strcmp(name, "at_least") || value->kind != YAML_SCALAR) return false;
    out->at_least = strtoll(value->text, NULL, 10);
    return true;
}

static bool read_row(NamedSource *out, const Yaml *name, const Yaml *row, Error *e) {
    *out = (NamedSource){0};
    if (!copy(out->name, name) || row->kind != YAML_MAP)
        return fail(e, EXIT_USAGE, "sources: %s: is no row", name->text);
    for (int i = 0; i < row->n; i++)
        if (!read_field(out, row->key[i]->text, row->value[i]))
            return fail(e, EXIT_USAGE, "sources: %s: %s: is not understood", name->text, row->key[i]->text);
    return true;
}

/* ---- the file ---- */

typedef bool (*TakeRow)(void *self, const NamedSource *row);

/* Every row in the order of the file, until `take` says false. */
static bool each_row(const char *yaml, size_t size, TakeRow take, void *self, Error *e) {
    NamedSource row;
    Yaml *y = yaml_parse(yaml, size, "sources", e);
    bool ok = y && (y->kind == YAML_MAP || fail(e, EXIT_USAGE, "sources: is no map of names"));
    for (int i = 0; ok && i < y->n; i++) {
        ok = read_row(&row, y->key[i], y->value[i], e);
        if (ok && !take(self, &row)) break;
    }
    yaml_free(y);
    return ok;
}

typedef struct Looking {
    const char *name;
    NamedSource *out;
} Looking;

static bool take_named(void *self, const NamedSource *row) {
    const Looking *l = self;
    bool found = !strcmp(row->name, l->name);
    if (found) *l->out = *row;
    return !found;
}

bool named_source_in(const char *yaml, size_t size, const char *name, NamedSource *out, Error *e) {
    *out = (NamedSource){0};
    return each_row(yaml, size, take_named, &(Looking){name, out}, e);
}

bool named_source(const char *name, NamedSource *out) {
    Error e = {0};
    return named_source_in(sources_yaml, sources_yaml_length, name, out, &e) && *out->name;
}

typedef struct Names {
    char *text;
    size_t room, used;
} Names;

static bool take_name(void *self, const NamedSource *row) {
    Names *n = self;
    if (n->used < n->room)
        n->used +=
            (size_t)snprintf(n->text + n->used, n->room - n->used, "%s%s", n->used ? ", " : "", row->name);
    return true;
}

const char *named_sources(char *text, size_t room) {
    Error e = {0};
    *text = 0;
    each_row(sources_yaml, sources_yaml_length, take_name, &(Names){text, room, 0}, &e);
    return text;
}

/* ---- its files ---- */

bool named_source_reads(const NamedSource *s, const char *path) {
    struct stat st;
    bool named = !s->files.n;
    for (int i = 0; i < s->files.n; i++) named = named || text_ends(path, s->files.at[i]);
    return named && (!s->at_least || (!stat(path, &st) && st.st_size >= s->at_least));
}
