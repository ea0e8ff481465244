#include "data/base/yaml.h"

#include "data/base/files.h"
#include "data/base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <yaml.h>

enum { LARGEST_FILE = 64 << 20, INDEXED = 16 }; /* bytes of a file; keys from which a map has an index */

/* A node that aliases stand for. */
typedef struct Anchor {
    char *name;
    const Yaml *node;
} Anchor;

typedef struct Reader {
    yaml_parser_t parser;
    const char *name, *text;
    size_t length;
    Anchor *anchor;
    int anchors, nodes, depth;
    Yaml merged; /* a list: what << took, which anchors may be in */
    Error *e;
} Reader;

static bool refuse(Reader *r, yaml_mark_t at, const char *why) {
    return fail(r->e, EXIT_USAGE, "%s:%zu:%zu: %s", r->name, at.line + 1, at.column + 1, why);
}

/* ---- the tree ---- */

static void free_parts(Yaml *y) {
    for (int i = 0; i < y->n; i++) {
        yaml_free(y->value[i]);
        if (y->key) yaml_free(y->key[i]);
    }
    free(y->value);
    free(y->key);
    free(y->index);
    free(y->text);
}

void yaml_tree_free(Yaml *y) {
    if (!y) return;
    free_parts(y);
    free(y);
}

/* The place in a map's index at which a key stands or, where it is new, would stand. */
static uint32_t place_of(const Yaml *map, const char *key) {
    uint32_t at = (uint32_t)XXH3_64bits(key, strlen(key)) & (map->places - 1);
    while (map->index[at] && strcmp(map->key[map->index[at] - 1]->text, key))
        at = (at + 1) & (map->places - 1);
    return at;
}

const Yaml *yaml_get(const Yaml *map, const char *key) {
    if (!map || map->kind != YAML_MAP) return NULL;
    if (map->index) {
        int at = map->index[place_of(map, key)];
        return at ? map->value[at - 1] : NULL;
    }
    for (int i = 0; i < map->n; i++)
        if (!strcmp(map->key[i]->text, key)) return map->value[i];
    return NULL;
}

/* Large maps are looked up by a hash, twice as many places as keys. */
static void index_keys(Yaml *map) {
    uint32_t places = map->places ? map->places : 2 * INDEXED;
    if (map->n < INDEXED) return;
    if (map->index && 2 * (uint32_t)map->n <= places) {
        map->index[place_of(map, map->key[map->n - 1]->text)] = map->n;
        return;
    }
    free(map->index);
    map->places = 2 * places;
    map->index = calloc(map->places, sizeof *map->index);
    if (!map->index) out_of_memory();
    for (int i = 0; i < map->n; i++) map->index[place_of(map, map->key[i]->text)] = i + 1;
}

/* Appends key (NULL in a list) and value to `parent`, which owns both from then on. */
static void append(Yaml *parent, Yaml *key, Yaml *value) {
    if ((parent->n & (parent->n - 1)) == 0) { /* room is the next power of two */
        size_t room = parent->n ? 2 * (size_t)parent->n : 1;
        parent->value = realloc(parent->value, room * sizeof *parent->value);
        if (key) parent->key = realloc(parent->key, room * sizeof *parent->key);
        if (!parent->value || (key && !parent->key)) out_of_memory();
    }
    if (key) parent->key[parent->n] = key;
    parent->value[parent->n++] = value;
    if (key) index_keys(parent);
}

/* A node of the tree, counted. */
static Yaml *node_make(Reader *r, YamlKind kind, yaml_mark_t at) {
    if (++r->nodes > YAML_NODES) {
        refuse(r, at, "too many values once aliases are resolved");
        return NULL;
    }
    Yaml *y = calloc(1, sizeof *y);
    if (!y) out_of_memory();
    *y = (Yaml){.kind = kind, .line = (int)at.line + 1, .column = (int)at.column + 1};
    return y;
}

/* ---- aliases and merge keys ---- */

/* A copy, of no more nodes than a text may have; the nodes keep their places. */
static Yaml *copy(Reader *r, const Yaml *from, yaml_mark_t at) {
    Yaml *y = node_make(r, from->kind, at);
    if (!y) return NULL;
    bool ok = ++r->depth <= YAML_DEPTH || refuse(r, at, "nested too deep");
    y->quoted = from->quoted;
    y->line = from->line;
    y->column = from->column;
    if (ok && from->text) y->text = text_copy(from->text);
    for (int i = 0; ok && i < from->n; i++) {
        Yaml *key = from->key ? copy(r, from->key[i], at) : NULL;
        Yaml *value = from->key && !key ? NULL : copy(r, from->value[i], at);
        ok = value;
        if (ok)
            append(y, key, value);
        else
            yaml_free(key);
    }
    r->depth--;
    if (ok) return y;
    yaml_free(y);
    return NULL;
}

static Yaml *alias(Reader *r, const char *name, yaml_mark_t at) {
    for (int i = r->anchors; i-- > 0;)
        if (!strcmp(r->anchor[i].name, name)) return copy(r, r->anchor[i].node, at);
    refuse(r, at, "an alias of nothing before it, or within itself");
    return NULL;
}

static void note_anchor(Reader *r, const yaml_char_t *name, const Yaml *node) {
    r->anchor = realloc(r->anchor, ((size_t)r->anchors + 1) * sizeof *r->anchor);
    if (!r->anchor) out_of_memory();
    r->anchor[r->anchors++] = (Anchor){text_copy((const char *)name), node};
}

/* Copies into y the entries of `from` whose keys y does not have. */
static bool merge_map(Reader *r, Yaml *y, const Yaml *from, yaml_mark_t at) {
    if (from->kind != YAML_MAP) return refuse(r, at, "a merge key << takes a map or a list of maps");
    for (int i = 0; i < from->n; i++) {
        if (yaml_get(y, from->key[i]->text)) continue;
        Yaml *key = copy(r, from->key[i], at), *value = key ? copy(r, from->value[i], at) : NULL;
        if (!value) {
            yaml_free(key);
            return false;
        }
        append(y, key, value);
    }
    return true;
}

static bool merge(Reader *r, Yaml *y, const Yaml *from) {
    yaml_mark_t at = {0, (size_t)from->line - 1, (size_t)from->column - 1};
    if (from->kind != YAML_LIST) return merge_map(r, y, from, at);
    for (int i = 0; i < from->n; i++)
        if (!merge_map(r, y, from->value[i], at)) return false;
    return true;
}

/* ---- events ---- */

/* What libyaml says, and what it means to who does not know its grammar. */
static const struct {
    const char *says, *means;
} known[] = {
    {"found unexpected end of stream", "the file ends within a text in quotation marks"},
    {"mapping values are not allowed in this context",
     "a second \": \" on a line, or a line indented otherwise (a text with it goes between quotation marks)"},
    {"did not find expected key", "no KEY: VALUE of the map above (is it indented as the others?)"},
    {"did not find expected ',' or ']'", "a list that is not closed: , or ] is missing"},
    {"did not find expected ',' or '}'", "a map that is not closed: , or } is missing"},
    {"could not find expected ':'", "no KEY: VALUE (a : with a blank behind it is missing)"},
    {"control characters are not allowed", "control characters (is it a text file?)"},
};

static void parser_failed(Reader *r) {
    const yaml_parser_t *parser = &r->parser;
    yaml_mark_t at = parser->problem_mark;
    const char *why = parser->problem ? parser->problem : "not understood";
    if (parser->error == YAML_MEMORY_ERROR) out_of_memory();
    if (parser->error == YAML_READER_ERROR) { /* it gives a byte, not a mark */
        at = (yaml_mark_t){0};
        for (size_t i = 0; i < parser->problem_offset && i < r->length; i++) {
            at.column = r->text[i] == '\n' ? 0 : at.column + 1;
            at.line += r->text[i] == '\n';
        }
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(why, known[i].says)) why = known[i].means;
    if (parser->error == YAML_SCANNER_ERROR && at.index < r->length && r->text[at.index] == '\t')
        why = "a tab: YAML indents with blanks";
    refuse(r, at, why);
}

static bool next(Reader *r, yaml_event_t *event) {
    if (yaml_parser_parse(&r->parser, event)) return true;
    parser_failed(r);
    return false;
}

static Yaml *read_node(Reader *r, yaml_event_t *event);

static Yaml *read_scalar(Reader *r, const yaml_event_t *event) {
    const char *text = (const char *)event->data.scalar.value;
    yaml_scalar_style_t style = event->data.scalar.style;
    Yaml *y = node_make(r, YAML_SCALAR, event->start_mark);
    if (!y) return NULL;
    y->quoted = style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    y->text = text_copy(text);
    if (strlen(text) == event->data.scalar.length) return y;
    refuse(r, event->start_mark, "a NUL byte in a text");
    yaml_free(y);
    return NULL;
}

static bool fill_list(Reader *r, Yaml *y) {
    yaml_event_t event;
    while (next(r, &event)) {
        if (event.type == YAML_SEQUENCE_END_EVENT) return yaml_event_delete(&event), true;
        Yaml *value = read_node(r, &event);
        if (!value) return false;
        append(y, NULL, value);
    }
    return false;
}

/* A pair whose key has begun; one of a merge key << goes to `merges`. */
static bool read_pair(Reader *r, Yaml *y, yaml_event_t *event, Yaml *merges) {
    bool scalar = event->type == YAML_SCALAR_EVENT, named = scalar || event->type == YAML_ALIAS_EVENT;
    bool merge = scalar && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
                 !strcmp((const char *)event->data.scalar.value, "<<");
    yaml_mark_t at = event->start_mark;
    Yaml *key = read_node(r, event), *value = NULL;
    const Yaml *first = key && key->kind == YAML_SCALAR ? yaml_get(y, key->text) : NULL;
    bool ok = key && ((named && key->kind == YAML_SCALAR) || refuse(r, at, "a key must be a text"));
    if (ok && first && !merge)
        ok = fail(r->e, EXIT_USAGE, "%s:%d:%d: duplicate key %s (first on line %d)", r->name, key->line,
                  key->column, key->text, first->line);
    yaml_event_t second;
    ok = ok && next(r, &second) && (value = read_node(r, &second));
    if (merge || !ok) {
        yaml_free(key);
        key = NULL;
    }
    if (ok) append(merge ? merges : y, key, value);
    return ok;
}

/* Merged keys come last: the map's own win wherever << stands. */
static bool fill_map(Reader *r, Yaml *y) {
    Yaml merges = {.kind = YAML_LIST};
    yaml_event_t event;
    bool ok;
    while ((ok = next(r, &event)) && event.type != YAML_MAPPING_END_EVENT)
        if (!(ok = read_pair(r, y, &event, &merges))) break;
    if (ok) yaml_event_delete(&event);
    for (int i = 0; ok && i < merges.n; i++) ok = merge(r, y, merges.value[i]);
    for (int i = 0; i < merges.n; i++) append(&r->merged, NULL, merges.value[i]);
    free(merges.value);
    return ok;
}

static Yaml *read_collection(Reader *r, const yaml_event_t *event) {
    bool map = event->type == YAML_MAPPING_START_EVENT;
    if (r->depth >= YAML_DEPTH) {
        refuse(r, event->start_mark, "nested too deep");
        return NULL;
    }
    Yaml *y = node_make(r, map ? YAML_MAP : YAML_LIST, event->start_mark);
    if (!y) return NULL;
    r->depth++;
    bool ok = map ? fill_map(r, y) : fill_list(r, y);
    r->depth--;
    if (ok) return y;
    yaml_free(y);
    return NULL;
}

/* The node that an event begins; the event is deleted. An alias becomes a copy of what it stands for. */
static Yaml *read_node(Reader *r, yaml_event_t *event) {
    bool collection = event->type == YAML_MAPPING_START_EVENT || event->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *anchor = NULL;
    Yaml *y;
    if (event->type == YAML_ALIAS_EVENT) {
        y = alias(r, (const char *)event->data.alias.anchor, event->start_mark);
    } else if (collection) {
        y = read_collection(r, event);
        anchor = event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.anchor
                                                         : event->data.sequence_start.anchor;
    } else {
        y = read_scalar(r, event);
        anchor = event->data.scalar.anchor;
    }
    if (y && anchor) note_anchor(r, anchor, y);
    yaml_event_delete(event);
    return y;
}

/* Skips an event and gives the next one's kind; false at an error. */
static bool skip_to(Reader *r, yaml_event_t *event) {
    yaml_event_delete(event);
    return next(r, event);
}

/* The only document of the parser's text, as a tree. */
static Yaml *read_document(Reader *r) {
    yaml_event_t event;
    if (!next(r, &event) || !skip_to(r, &event)) return NULL; /* past the start of the stream */
    if (event.type == YAML_STREAM_END_EVENT)
        return yaml_event_delete(&event), node_make(r, YAML_MAP, (yaml_mark_t){0});
    Yaml *root = skip_to(r, &event) ? read_node(r, &event) : NULL;
    if (!root) return NULL;
    bool ok = next(r, &event) && skip_to(r, &event); /* past the end of the document */
    if (ok && event.type != YAML_STREAM_END_EVENT)
        ok = refuse(r, event.start_mark, "a second document: one a file");
    if (r->parser.error == YAML_NO_ERROR) yaml_event_delete(&event);
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
    if (!out) out_of_memory();
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
    char *joined = is_json(text, length) ? join_surrogates(text, length, &length) : NULL;
    Reader r = {.name = name, .text = joined ? joined : text, .length = length, .e = e};
    if (!yaml_parser_initialize(&r.parser)) out_of_memory();
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.text, length);
    Yaml *root = read_document(&r);
    yaml_parser_delete(&r.parser);
    for (int i = 0; i < r.anchors; i++) free(r.anchor[i].name);
    free(r.anchor);
    free_parts(&r.merged);
    free(joined);
    return root;
}

Yaml *yaml_load(const char *path, Error *e) {
    Bytes text = {0};
    if (!file_read_raw(path, LARGEST_FILE, &text, e)) return NULL;
    Yaml *root = yaml_parse(text.data, (size_t)text.size, path, e);
    bytes_free(&text);
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
    FILE *out = text_open(&text, &length);
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

/* Control characters, what YAML does not take, and what it takes for the end of a line. */
static bool is_escaped(uint32_t code) {
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
           code == 0xFEFF || code == 0xFFFE || code == 0xFFFF;
}

void json_string(FILE *out, const char *text) {
    fputc('"', out);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        uint32_t code;
        int bytes = utf8_decode(s, &code);
        if (!bytes) code = 0xFFFD;
        if (code == '"' || code == '\\')
            fprintf(out, "\\%c", (int)code);
        else if (!bytes || is_escaped(code))
            fprintf(out, "\\u%04x", code);
        else
            fwrite(s, 1, (size_t)bytes, out);
        s += bytes ? bytes : 1;
    }
    fputc('"', out);
}
