#include "data/sources.h"

#include "data/base/embed.h"
#include "data/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yaml.h>

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

static const char *scalar(const yaml_node_t *n) {
    return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

static bool copy(char *to, const char *from) {
    return from && snprintf(to, SOURCE_TEXT, "%s", from) < SOURCE_TEXT;
}

static bool read_list(SourceList *out, yaml_document_t *d, const yaml_node_t *value) {
    if (value->type != YAML_SEQUENCE_NODE) return false;
    for (yaml_node_item_t *i = value->data.sequence.items.start; i < value->data.sequence.items.top; i++)
        if (out->n == SOURCE_LIST || !copy(out->at[out->n++], scalar(yaml_document_get_node(d, *i))))
            return false;
    return true;
}

static bool read_field(NamedSource *out, const char *name, yaml_document_t *d, const yaml_node_t *value) {
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!strcmp(name, texts[i].name)) return copy((char *)out + texts[i].at, scalar(value));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (!strcmp(name, lists[i].name))
            return read_list((SourceList *)(void *)((char *)out + lists[i].at), d, value);
    if (strcmp(name, "at_least") || !scalar(value)) return false;
    out->at_least = strtoll(scalar(value), NULL, 10);
    return true;
}

static bool read_row(NamedSource *out, const char *name, yaml_document_t *d, const yaml_node_t *row,
                     Error *e) {
    *out = (NamedSource){0};
    bool ok = copy(out->name, name) && row && row->type == YAML_MAPPING_NODE;
    if (!ok) return fail(e, EXIT_USAGE, "sources: %s: is no row", name);
    for (yaml_node_pair_t *p = row->data.mapping.pairs.start; p < row->data.mapping.pairs.top; p++) {
        const char *field = scalar(yaml_document_get_node(d, p->key));
        if (!field || !read_field(out, field, d, yaml_document_get_node(d, p->value)))
            return fail(e, EXIT_USAGE, "sources: %s: %s: is not understood", name, field ? field : "a field");
    }
    return true;
}

/* ---- the file ---- */

typedef bool (*TakeRow)(void *self, const NamedSource *row);

/* Every row in the order of the file, until `take` says false. */
static bool each_row(const char *yaml, size_t size, TakeRow take, void *self, Error *e) {
    yaml_parser_t parser;
    yaml_document_t d;
    NamedSource row;
    if (!yaml_parser_initialize(&parser)) return fail(e, EXIT_FAILED, "memory: sources: none left");
    yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, size);
    bool ok = yaml_parser_load(&parser, &d);
    if (ok) {
        const yaml_node_t *root = yaml_document_get_root_node(&d);
        if (!root || root->type != YAML_MAPPING_NODE) ok = fail(e, EXIT_USAGE, "sources: is no map of names");
        for (yaml_node_pair_t *p = ok ? root->data.mapping.pairs.start : NULL;
             ok && p < root->data.mapping.pairs.top; p++) {
            const char *name = scalar(yaml_document_get_node(&d, p->key));
            ok = read_row(&row, name ? name : "(no name)", &d, yaml_document_get_node(&d, p->value), e);
            if (ok && !take(self, &row)) break;
        }
        yaml_document_delete(&d);
    } else {
        fail(e, EXIT_USAGE, "sources: line %zu: %s", parser.problem_mark.line + 1,
             parser.problem ? parser.problem : "no YAML");
    }
    yaml_parser_delete(&parser);
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
