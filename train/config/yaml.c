#include "train/config/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { LARGEST_FILE = 64 << 20 };

typedef struct Reader {
    yaml_document_t *document;
    const char *name;
    int nodes, depth;
    Error *e;
} Reader;

static bool refuse(Reader *r, yaml_mark_t at, const char *why) {
    return fail(r->e, EXIT_USAGE, "%s:%zu:%zu: %s", r->name, at.line + 1, at.column + 1, why);
}

void yaml_tree_free(Yaml *y) {
    if (!y) return;
    for (int i = 0; i < y->n; i++) {
        yaml_free(y->value[i]);
        if (y->key) yaml_free(y->key[i]);
    }
    free(y->value);
    free(y->key);
    free(y->text);
    free(y);
}

const Yaml *yaml_get(const Yaml *map, const char *key) {
    if (!map || map->kind != YAML_MAP) return NULL;
    for (int i = 0; i < map->n; i++)
        if (!strcmp(map->key[i]->text, key)) return map->value[i];
    return NULL;
}

/* Takes key (NULL in a list) and value, also when it fails. */
static bool append(Yaml *parent, Yaml *key, Yaml *value) {
    if ((parent->n & (parent->n - 1)) == 0) { /* room is the next power of two */
        size_t room = parent->n ? 2 * (size_t)parent->n : 1;
        Yaml **values = realloc(parent->value, room * sizeof *values);
        if (values) parent->value = values;
        Yaml **keys = key ? realloc(parent->key, room * sizeof *keys) : NULL;
        if (keys) parent->key = keys;
        if (!values || (key && !keys)) {
            yaml_free(key);
            yaml_free(value);
            return false;
        }
    }
    if (key) parent->key[parent->n] = key;
    parent->value[parent->n++] = value;
    return true;
}

static Yaml *build(Reader *r, int id);

static bool fill_scalar(Reader *r, Yaml *y, const yaml_node_t *node) {
    const char *text = (const char *)node->data.scalar.value;
    y->quoted = node->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
                node->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    if (strlen(text) != node->data.scalar.length) return refuse(r, node->start_mark, "a NUL byte in a text");
    y->text = strdup(text);
    return y->text || refuse(r, node->start_mark, "out of memory");
}

static bool fill_list(Reader *r, Yaml *y, const yaml_node_t *node) {
    const yaml_node_item_t *item = node->data.sequence.items.start;
    for (; item < node->data.sequence.items.top; item++) {
        Yaml *value = build(r, *item);
        if (!value) return false;
        if (!append(y, NULL, value)) return refuse(r, node->start_mark, "out of memory");
    }
    return true;
}

/* Moves into y the entries of `from` whose keys it does not have. */
static bool merge_map(Reader *r, Yaml *y, Yaml *from, yaml_mark_t at) {
    if (from->kind != YAML_MAP) return refuse(r, at, "a merge key << takes a map or a list of maps");
    for (int i = 0; i < from->n; i++) {
        if (yaml_get(y, from->key[i]->text)) continue;
        Yaml *key = from->key[i], *value = from->value[i];
        from->key[i] = from->value[i] = NULL;
        if (!append(y, key, value)) return refuse(r, at, "out of memory");
    }
    return true;
}

static bool merge(Reader *r, Yaml *y, int id) {
    yaml_mark_t at = yaml_document_get_node(r->document, id)->start_mark;
    Yaml *from = build(r, id);
    if (!from) return false;
    bool ok = true;
    if (from->kind == YAML_LIST)
        for (int i = 0; ok && i < from->n; i++) ok = merge_map(r, y, from->value[i], at);
    else
        ok = merge_map(r, y, from, at);
    yaml_free(from);
    return ok;
}

static bool is_merge(const yaml_node_t *key) {
    return key->type == YAML_SCALAR_NODE && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           !strcmp((const char *)key->data.scalar.value, "<<");
}

static bool fill_pair(Reader *r, Yaml *y, const yaml_node_pair_t *pair) {
    const yaml_node_t *node = yaml_document_get_node(r->document, pair->key);
    if (node->type != YAML_SCALAR_NODE) return refuse(r, node->start_mark, "a key must be a text");
    Yaml *key = build(r, pair->key);
    if (!key) return false;
    const Yaml *first = yaml_get(y, key->text);
    if (first) {
        fail(r->e, EXIT_USAGE, "%s:%d:%d: duplicate key %s (first on line %d)", r->name, key->line,
             key->column, key->text, first->line);
        yaml_free(key);
        return false;
    }
    Yaml *value = build(r, pair->value);
    if (!value) {
        yaml_free(key);
        return false;
    }
    return append(y, key, value) || refuse(r, node->start_mark, "out of memory");
}

static bool fill_map(Reader *r, Yaml *y, const yaml_node_t *node) {
    const yaml_node_pair_t *start = node->data.mapping.pairs.start, *top = node->data.mapping.pairs.top;
    for (const yaml_node_pair_t *pair = start; pair < top; pair++)
        if (!is_merge(yaml_document_get_node(r->document, pair->key)) && !fill_pair(r, y, pair)) return false;
    /* Merged keys come last: the map's own win wherever << stands. */
    for (const yaml_node_pair_t *pair = start; pair < top; pair++)
        if (is_merge(yaml_document_get_node(r->document, pair->key)) && !merge(r, y, pair->value))
            return false;
    return true;
}

static YamlKind kind_of(const yaml_node_t *node) {
    return node->type == YAML_MAPPING_NODE    ? YAML_MAP
           : node->type == YAML_SEQUENCE_NODE ? YAML_LIST
                                              : YAML_SCALAR;
}

static bool fill(Reader *r, Yaml *y, const yaml_node_t *node) {
    switch (y->kind) {
    case YAML_SCALAR:
        return fill_scalar(r, y, node);
    case YAML_LIST:
        return fill_list(r, y, node);
    case YAML_MAP:
        return fill_map(r, y, node);
    }
    return false;
}

/* The tree of one node of the document. In the document an alias is the node it stands for, so
 * this copies it, and an alias within itself would never end: hence the depth. */
static Yaml *build(Reader *r, int id) {
    const yaml_node_t *node = yaml_document_get_node(r->document, id);
    Yaml *y = calloc(1, sizeof *y);
    bool ok = y || refuse(r, node->start_mark, "out of memory");
    if (ok && r->depth >= YAML_DEPTH)
        ok = refuse(r, node->start_mark, "nested too deep, or an alias within itself");
    if (ok && ++r->nodes > YAML_NODES)
        ok = refuse(r, node->start_mark, "too many values once aliases are resolved");
    if (ok) {
        y->kind = kind_of(node);
        y->line = (int)node->start_mark.line + 1;
        y->column = (int)node->start_mark.column + 1;
        r->depth++;
        ok = fill(r, y, node);
        r->depth--;
    }
    if (ok) return y;
    yaml_free(y);
    return NULL;
}

static void parser_failed(Reader *r, const yaml_parser_t *parser, const char *text, size_t length) {
    yaml_mark_t at = parser->problem_mark;
    if (parser->error == YAML_READER_ERROR) { /* it gives a byte, not a mark */
        at = (yaml_mark_t){0};
        for (size_t i = 0; i < parser->problem_offset && i < length; i++) {
            at.column = text[i] == '\n' ? 0 : at.column + 1;
            at.line += text[i] == '\n';
        }
    }
    refuse(r, at, parser->problem ? parser->problem : "out of memory");
}

/* The only document of the parser's text, as a tree. */
static Yaml *read_document(Reader *r, yaml_parser_t *parser, const char *text, size_t length) {
    yaml_document_t document, extra;
    if (!yaml_parser_load(parser, &document)) {
        parser_failed(r, parser, text, length);
        return NULL;
    }
    r->document = &document;
    Yaml *root = NULL;
    if (yaml_document_get_root_node(&document)) {
        root = build(r, 1);
    } else {
        root = calloc(1, sizeof *root);
        if (root) *root = (Yaml){.kind = YAML_MAP, .line = 1, .column = 1};
    }
    yaml_document_delete(&document);
    if (!root) return NULL;
    bool ok = yaml_parser_load(parser, &extra);
    if (!ok) {
        parser_failed(r, parser, text, length);
    } else {
        const yaml_node_t *second = yaml_document_get_root_node(&extra);
        ok = !second || refuse(r, second->start_mark, "a second document: one a file");
        yaml_document_delete(&extra);
    }
    if (ok) return root;
    yaml_free(root);
    return NULL;
}

static int hex4(const char *s) {
    for (int i = 0; i < 4; i++)
        if (!isxdigit((unsigned char)s[i])) return -1;
    char digits[5] = {s[0], s[1], s[2], s[3], 0};
    return (int)strtol(digits, NULL, 16);
}

/* The code point of a \uXXXX\uXXXX surrogate pair at s, or 0 if there is none. */
static uint32_t surrogate_pair(const char *s, size_t left) {
    if (left < 12 || memcmp(s, "\\u", 2) || memcmp(s + 6, "\\u", 2)) return 0;
    int high = hex4(s + 2), low = hex4(s + 8);
    if (high < 0xD800 || high > 0xDBFF || low < 0xDC00 || low > 0xDFFF) return 0;
    return 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
}

/* JSON writes what lies beyond U+FFFF as two escapes, which libyaml refuses: YAML has \U for it.
 * Returns a copy of the same length or shorter. In JSON a backslash stands in strings only. */
static char *join_surrogates(const char *text, size_t length, size_t *out_length) {
    char *out = malloc(length + 1), *to = out;
    if (!out) return NULL;
    for (size_t i = 0; i < length;) {
        uint32_t code = text[i] == '\\' ? surrogate_pair(text + i, length - i) : 0;
        if (code) {
            to += sprintf(to, "\\U%08X", code);
            i += 12;
        } else {
            bool escape = text[i] == '\\' && i + 1 < length; /* the next byte is no escape's start */
            *to++ = text[i++];
            if (escape) *to++ = text[i++];
        }
    }
    *to = 0;
    *out_length = (size_t)(to - out);
    return out;
}

static bool is_json(const char *text, size_t length) {
    size_t i = 0;
    while (i < length && isspace((unsigned char)text[i])) i++;
    return i < length && (text[i] == '{' || text[i] == '[');
}

Yaml *yaml_parse(const char *text, size_t length, const char *name, Error *e) {
    Reader r = {.name = name, .e = e};
    char *joined = is_json(text, length) ? join_surrogates(text, length, &length) : NULL;
    if (joined) text = joined;
    yaml_parser_t parser;
    Yaml *root = NULL;
    if (yaml_parser_initialize(&parser)) {
        yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
        root = read_document(&r, &parser, text, length);
        yaml_parser_delete(&parser);
    } else {
        refuse(&r, (yaml_mark_t){0}, "out of memory");
    }
    free(joined);
    return root;
}

/* The whole of an open file, malloc'ed; NULL with errno set. */
static char *read_all(FILE *in, size_t *length) {
    size_t room = 1 << 14;
    char *text = malloc(room);
    *length = 0;
    while (text && !feof(in)) {
        *length += fread(text + *length, 1, room - *length, in);
        if (ferror(in) || *length > LARGEST_FILE) {
            if (!ferror(in)) errno = EFBIG;
            free(text);
            return NULL;
        }
        if (*length < room) continue;
        char *larger = realloc(text, room *= 2);
        if (!larger) free(text);
        text = larger;
    }
    return text;
}

Yaml *yaml_load(const char *path, Error *e) {
    FILE *in = fopen(path, "rb");
    size_t length = 0;
    char *text = in ? read_all(in, &length) : NULL;
    if (!text) fail(e, EXIT_USAGE, "%s: cannot read: %s", path, strerror(errno));
    if (in) fclose(in);
    Yaml *root = text ? yaml_parse(text, length, path, e) : NULL;
    free(text);
    return root;
}

static void write_json(FILE *out, const Yaml *y) {
    if (y->kind == YAML_SCALAR) {
        json_string(out, y->text);
        return;
    }
    fputc(y->kind == YAML_MAP ? '{' : '[', out);
    for (int i = 0; i < y->n; i++) {
        if (i) fputc(',', out);
        if (y->kind == YAML_MAP) {
            json_string(out, y->key[i]->text);
            fputc(':', out);
        }
        write_json(out, y->value[i]);
    }
    fputc(y->kind == YAML_MAP ? '}' : ']', out);
}

char *yaml_json(const Yaml *y) {
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out) return NULL;
    write_json(out, y);
    fclose(out);
    return text;
}

/* Decodes the code point at s into *code; returns its bytes, 0 where s is not UTF-8. */
static int utf8_decode(const unsigned char *s, uint32_t *code) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by bytes: shorter forms only */
    int bytes = s[0] < 0x80 ? 1 : s[0] < 0xC0 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF8 ? 4 : 0;
    if (bytes < 2) {
        *code = s[0];
        return bytes;
    }
    *code = s[0] & (0x7F >> bytes);
    for (int i = 1; i < bytes; i++) {
        if ((s[i] & 0xC0) != 0x80) return 0;
        *code = *code << 6 | (s[i] & 0x3F);
    }
    bool valid = *code >= least[bytes] && *code <= 0x10FFFF && (*code < 0xD800 || *code > 0xDFFF);
    return valid ? bytes : 0;
}

void json_string(FILE *out, const char *text) {
    fputc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        uint32_t code;
        int bytes = utf8_decode(s, &code);
        if (!bytes) code = 0xFFFD;
        if (code == '"' || code == '\\')
            fprintf(out, "\\%c", (int)code);
        else if (code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0xFEFF || !bytes ||
                 (code >> 1) == 0x7FFF)
            fprintf(out, "\\u%04x", code);
        else
            fwrite(s, 1, (size_t)bytes, out);
        s += bytes ? bytes : 1;
    }
    fputc('"', out);
}
