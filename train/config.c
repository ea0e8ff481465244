#include "train/config.h"

#include "data/base/files.h"
#include "train/embed.h"
#include "train/nearest.h"
#include "train/optim.h"
#include "train/schedule.h"
#include "train/yaml.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_TEXT = 128, WHERE_TEXT = 768, MANY = 1 << 30 };

typedef enum Type { INTEGER, NUMBER, CHOICE, STRING, BOOLEAN, LIST, TYPES } Type;

typedef struct Row {
    const char *key;
    Type type;
    size_t offset, size;         /* of the field in Config */
    const char *fallback;        /* default as text; NULL: the first choice, as the model lists them */
    double low, high;            /* both allowed; 2^53 at most, so that a double tells them apart */
    const char *(*names)(int i); /* of a choice */
    const char *help;
} Row;

static const char *precision_name(int i) {
    static const char *const names[PRECISIONS] = {[PRECISION_FP32] = "fp32", [PRECISION_BF16] = "bf16"};
    return i >= 0 && i < PRECISIONS ? names[i] : NULL;
}

static const char *decay_on_name(int i) {
    static const char *const names[DECAY_ONS] = {[DECAY_MATRICES] = "matrices", [DECAY_ALL] = "all"};
    return i >= 0 && i < DECAY_ONS ? names[i] : NULL;
}

#define AT(field) offsetof(Config, field), sizeof(((Config *)0)->field)

/* The defaults are the demo's recipe with the usual weight decay. */
static const Row rows[] = {
    {"variant", STRING, AT(variant), "baseline", .help = "preset of configs/variants.yaml"},
    {"seed", INTEGER, AT(seed), "0", 0, 0x1p53, .help = "of weights, order of the text and probes"},

    {"model.layers", INTEGER, AT(model.layers), "4", 1, 1024, .help = "blocks"},
    {"model.width", INTEGER, AT(model.width), "128", 1, 65536, .help = "of the residual stream"},
    {"model.heads", INTEGER, AT(model.heads), "2", 1, 1024, .help = "a layer; divide the width"},
    {"model.context", INTEGER, AT(model.context), "32", 2, 1 << 20, .help = "tokens of a training row"},
    {"model.mlp_width", INTEGER, AT(model.mlp_width), "0", 0, 1 << 20,
     .help = "0: 8/3 width gated, 4 width not"},
    {"model.attention", CHOICE, AT(model.attention), .names = attention_name, .help = "scores to weights"},
    {"model.window", INTEGER, AT(model.window), "0", 0, 1 << 20, .help = "last keys attended to; 0: all"},
    {"model.head_out", CHOICE, AT(model.head_out), .names = head_out_name, .help = "on each head's output"},
    {"model.head_out_scale", NUMBER, AT(model.head_out_scale), "1", 0, 1e6,
     .help = "initial gain of head_out"},
    {"model.qk", CHOICE, AT(model.qk), .names = qk_name, .help = "on queries and keys"},
    {"model.position", CHOICE, AT(model.position), .names = position_name, .help = "how a place is told"},
    {"model.norm", CHOICE, AT(model.norm), .names = norm_name, .help = "of the residual stream"},
    {"model.mlp", CHOICE, AT(model.mlp), .names = mlp_name, .help = "feed-forward"},
    {"model.embedding_std", NUMBER, AT(model.embedding_std), "0.02", 0, 1e3,
     .help = "of the initial embedding"},
    {"model.tie", BOOLEAN, AT(model.tie), "false", .help = "classifier and embedding share weights"},
    {"model.interventions", LIST, AT(model.interventions), "[]", .help = "trained under these"},

    {"data.source", STRING, AT(data.source), "gcide", .help = "corpus, synthetic task, or path of a text"},
    {"data.limit", INTEGER, AT(data.limit), "0", 0, 0x1p53, .help = "training tokens used; 0: all"},
    {"data.tokenizer", CHOICE, AT(data.tokenizer), "bpe", .names = tokenizer_name, .help = "text to tokens"},
    {"data.vocab", INTEGER, AT(data.vocab), "4096", 2, 1 << 20, .help = "pieces asked of bpe"},
    {"data.bos", CHOICE, AT(data.bos), "row", .names = bos_policy_name, .help = "what begins with BOS"},
    {"data.mask", CHOICE, AT(data.mask), "causal", .names = mask_policy_name,
     .help = "how far back a token sees"},

    {"train.steps", INTEGER, AT(train.steps), "2500", 1, MANY, .help = "updates"},
    {"train.batch_tokens", INTEGER, AT(train.batch_tokens), "2048", 1, MANY, .help = "a step; whole rows"},
    {"train.micro_rows", INTEGER, AT(train.micro_rows), "0", 0, MANY, .help = "rows in flight; 0: chosen"},
    {"train.precision", CHOICE, AT(train.precision), "fp32", .names = precision_name,
     .help = "of the products"},
    {"train.init_from", STRING, AT(train.init_from), "", .help = "checkpoint to start from; empty: random"},

    {"optim.name", CHOICE, AT(optim.name), "adamw", .names = optimiser_name, .help = "optimiser"},
    {"optim.lr", NUMBER, AT(optim.lr), "1e-3", 0, 1e3, .help = "learning rate after warm-up"},
    {"optim.min_lr", NUMBER, AT(optim.min_lr), "-1", -1, 1e3, .help = "at the end; -1: lr / 10"},
    {"optim.schedule", CHOICE, AT(optim.schedule), "cosine", .names = schedule_name, .help = "of the rate"},
    {"optim.warmup", INTEGER, AT(optim.warmup), "100", 0, MANY, .help = "steps of linear rise"},
    {"optim.weight_decay", NUMBER, AT(optim.weight_decay), "0.1", 0, 1e3, .help = "decoupled, times lr"},
    {"optim.decay_on", CHOICE, AT(optim.decay_on), "matrices", .names = decay_on_name,
     .help = "all: gains too"},
    {"optim.beta1", NUMBER, AT(optim.beta1), "0.9", 0, 0.999999, .help = "decay of the mean gradient"},
    {"optim.beta2", NUMBER, AT(optim.beta2), "0.95", 0, 0.999999, .help = "decay of the mean square"},
    {"optim.eps", NUMBER, AT(optim.eps), "1e-8", 1e-30, 1, .help = "added to the root mean square"},
    {"optim.clip", NUMBER, AT(optim.clip), "1", 0, 1e9, .help = "bound of the gradient's norm; 0: none"},

    {"probe.every", INTEGER, AT(probe.every), "0", 0, MANY,
     .help = "steps; 0: 60 to 80 a run, dense at first"},
    {"probe.length", INTEGER, AT(probe.length), "64", 2, 1 << 20, .help = "tokens of a row, at most"},
    {"probe.sequences", INTEGER, AT(probe.sequences), "100", 1, 1 << 20, .help = "rows of a probe"},

    {"run.threads", INTEGER, AT(run.threads), "0", 0, 4096,
     .help = "0: OMP_NUM_THREADS or the affinity mask"},
    {"run.checkpoint_every", INTEGER, AT(run.checkpoint_every), "0", 0, MANY,
     .help = "steps; 0: 20 times a run"},
    {"run.log_every", INTEGER, AT(run.log_every), "0", 0, MANY,
     .help = "steps a line off a terminal; 0: 20 lines"},
    {"run.label", STRING, AT(label), "", .help = "a name for people"},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char *const type_nouns[TYPES] = {
    [INTEGER] = "an integer", [NUMBER] = "a finite number", [CHOICE] = "one word",
    [STRING] = "a text",      [BOOLEAN] = "true or false",  [LIST] = "a list of texts",
};

const char *config_key_name(int i) {
    return i >= 0 && i < ROWS ? rows[i].key : NULL;
}

static Nearest nearest_key(const char *text) {
    Nearest n = {.text = text};
    for (int i = 0; i < ROWS; i++) nearest_offer(&n, rows[i].key);
    return n;
}

const char *config_nearest(const char *text) {
    return nearest_key(text).best;
}

static const Row *find_row(const char *key) {
    for (int i = 0; i < ROWS; i++)
        if (!strcmp(rows[i].key, key)) return &rows[i];
    return NULL;
}

static bool unknown_key(const char *key, const char *where, Error *e) {
    char hint[KEY_TEXT];
    Nearest n = nearest_key(key);
    return fail(e, EXIT_USAGE, "%s: unknown key %s%s", where, key, nearest_hint(&n, hint, sizeof hint));
}

/* ---- Values: text to field and back, one pair a type ---- */

static bool mistyped(const Row *row, const char *text, const char *where, Error *e) {
    return fail(e, EXIT_USAGE, "%s: %s: expected %s, not \"%s\"", where, row->key, type_nouns[row->type],
                text);
}

static bool wrong_kind(const Row *row, YamlKind kind, const char *where, Error *e) {
    return fail(e, EXIT_USAGE, "%s: %s: expected %s, not a %s", where, row->key, type_nouns[row->type],
                kind == YAML_LIST ? "list" : "map");
}

/* Decimal only: strtod also takes hexadecimal, nan, inf and leading blanks. */
static bool read_double(const char *text, double *value) {
    char *end;
    if (!*text || strspn(text, "+-.0123456789eE") != strlen(text)) return false;
    *value = strtod(text, &end) + 0.0; /* -0 becomes 0: they are one value, and one run key */
    return !*end && isfinite(*value);
}

static bool in_bounds(const Row *row, double value, const char *text, const char *where, Error *e) {
    if (value >= row->low && value <= row->high) return true;
    return fail(e, EXIT_USAGE, "%s: %s: %s is out of bounds (%.16g to %.16g)", where, row->key, text,
                row->low, row->high);
}

static bool read_number(void *field, const Row *row, const char *text, const char *where, Error *e) {
    double value;
    if (!read_double(text, &value)) return mistyped(row, text, where, e);
    if (!in_bounds(row, value, text, where, e)) return false;
    *(double *)field = value;
    return true;
}

/* Also 1e6: every integer within bounds is exact as a double. */
static bool read_integer(void *field, const Row *row, const char *text, const char *where, Error *e) {
    double value;
    if (!read_double(text, &value) || value != floor(value)) return mistyped(row, text, where, e);
    if (!in_bounds(row, value, text, where, e)) return false;
    *(int64_t *)field = (int64_t)value;
    return true;
}

static bool read_choice(void *field, const Row *row, const char *text, const char *where, Error *e) {
    Nearest n = {.text = text};
    char known[256] = "", hint[KEY_TEXT];
    for (int i = 0; row->names(i); i++) {
        if (!strcmp(row->names(i), text)) {
            *(int *)field = i;
            return true;
        }
        nearest_offer(&n, row->names(i));
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", row->names(i));
    }
    return fail(e, EXIT_USAGE, "%s: %s: \"%s\" is none of %s%s", where, row->key, text, known,
                nearest_hint(&n, hint, sizeof hint));
}

/* Copies a text into a field of `room` bytes; control characters have no place in a key's value. */
static bool copy_text(char *field, size_t room, const Row *row, const char *text, const char *where,
                      Error *e) {
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7F)
            return fail(e, EXIT_USAGE, "%s: %s: a control character in the text", where, row->key);
    size_t length = strlen(text);
    if (length >= room)
        return fail(e, EXIT_USAGE, "%s: %s: %zu bytes of text, at most %zu", where, row->key, length,
                    room - 1);
    memset(field, 0, room); /* equal configurations are equal bytes */
    memcpy(field, text, length);
    return true;
}

static bool read_string(void *field, const Row *row, const char *text, const char *where, Error *e) {
    return copy_text(field, row->size, row, text, where, e);
}

static bool read_boolean(void *field, const Row *row, const char *text, const char *where, Error *e) {
    bool yes = !strcmp(text, "true");
    if (!yes && strcmp(text, "false")) return mistyped(row, text, where, e);
    *(bool *)field = yes;
    return true;
}

static bool read_items(List *list, const Row *row, const Yaml *y, const char *where, Error *e) {
    if (y->n > LIST_ITEMS)
        return fail(e, EXIT_USAGE, "%s: %s: %d items, at most %d", where, row->key, y->n, LIST_ITEMS);
    List read = {.n = y->n};
    for (int i = 0; i < y->n; i++) {
        if (y->value[i]->kind != YAML_SCALAR) return wrong_kind(row, y->value[i]->kind, where, e);
        if (!copy_text(read.item[i], LIST_TEXT, row, y->value[i]->text, where, e)) return false;
    }
    *list = read;
    return true;
}

static bool read_list(void *field, const Row *row, const char *text, const char *where, Error *e) {
    if (*text != '[') {
        List one = {.n = *text != 0};
        if (!copy_text(one.item[0], LIST_TEXT, row, text, where, e)) return false;
        *(List *)field = one;
        return true;
    }
    Yaml *y = yaml_parse(text, strlen(text), where, NULL);
    bool ok = y && y->kind == YAML_LIST ? read_items(field, row, y, where, e) : mistyped(row, text, where, e);
    yaml_free(y);
    return ok;
}

static bool (*const readers[TYPES])(void *field, const Row *row, const char *text, const char *where,
                                    Error *e) = {
    [INTEGER] = read_integer, [NUMBER] = read_number,   [CHOICE] = read_choice,
    [STRING] = read_string,   [BOOLEAN] = read_boolean, [LIST] = read_list,
};

static void write_integer(FILE *out, const Row *row, const void *field) {
    (void)row;
    fprintf(out, "%lld", (long long)*(const int64_t *)field);
}

/* The shortest form that reads back the same; from 6 digits on, so that 1000 is not 1e+03. */
static void write_number(FILE *out, const Row *row, const void *field) {
    (void)row;
    double value = *(const double *)field;
    char text[32];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, out);
}

static void write_choice(FILE *out, const Row *row, const void *field) {
    fputs(row->names(*(const int *)field), out);
}

static void write_string(FILE *out, const Row *row, const void *field) {
    (void)row;
    fputs(field, out);
}

static void write_boolean(FILE *out, const Row *row, const void *field) {
    (void)row;
    fputs(*(const bool *)field ? "true" : "false", out);
}

static void write_list(FILE *out, const Row *row, const void *field) {
    (void)row;
    const List *list = field;
    for (int i = 0; i < list->n; i++) {
        fputc(i ? ',' : '[', out);
        json_string(out, list->item[i]);
    }
    fputs(list->n ? "]" : "[]", out);
}

static void (*const writers[TYPES])(FILE *out, const Row *row, const void *field) = {
    [INTEGER] = write_integer, [NUMBER] = write_number,   [CHOICE] = write_choice,
    [STRING] = write_string,   [BOOLEAN] = write_boolean, [LIST] = write_list,
};

static bool set_row(Config *c, const Row *row, const char *text, const char *where, Error *e) {
    return readers[row->type]((char *)c + row->offset, row, text, where, e);
}

void config_defaults(Config *c) {
    memset(c, 0, sizeof *c);
    for (int i = 0; i < ROWS; i++)
        if (rows[i].fallback) set_row(c, &rows[i], rows[i].fallback, "default", NULL);
}

/* ---- Layers: the keys of one map, each at its row ---- */

/* Values point into the tree they were gathered from. */
typedef struct Layer {
    const char *name;        /* file, for errors */
    const Yaml *base;        /* `base:`, where it is allowed */
    const Yaml *value[ROWS]; /* NULL: not given here */
} Layer;

static void place_of(const Layer *layer, const Yaml *at, char where[WHERE_TEXT]) {
    snprintf(where, WHERE_TEXT, "%s:%d:%d", layer->name, at->line, at->column);
}

static bool is_group(const char *key) {
    size_t length = strlen(key);
    for (int i = 0; i < ROWS; i++)
        if (!strncmp(rows[i].key, key, length) && rows[i].key[length] == '.') return true;
    return false;
}

static bool gather(Layer *layer, const Yaml *map, const char *prefix, Error *e);

static bool gather_pair(Layer *layer, const Yaml *key, const Yaml *value, const char *prefix, Error *e) {
    char where[WHERE_TEXT], full[KEY_TEXT];
    place_of(layer, key, where);
    snprintf(full, sizeof full, "%s%s%s", prefix, *prefix ? "." : "", key->text);
    const Row *row = find_row(full);
    if (row) {
        const Yaml **slot = &layer->value[row - rows];
        if (*slot)
            return fail(e, EXIT_USAGE, "%s: duplicate key %s (first on line %d)", where, full, (*slot)->line);
        *slot = value;
        return true;
    }
    if (!is_group(full)) return unknown_key(full, where, e);
    if (value->kind != YAML_MAP)
        return fail(e, EXIT_USAGE, "%s: %s: expected a map of keys (%s.KEY: VALUE)", where, full, full);
    return gather(layer, value, full, e);
}

static bool gather(Layer *layer, const Yaml *map, const char *prefix, Error *e) {
    for (int i = 0; i < map->n; i++)
        if (!gather_pair(layer, map->key[i], map->value[i], prefix, e)) return false;
    return true;
}

/* The top level of a file: its keys and `base:`. */
static bool gather_file(Layer *layer, const Yaml *map, Error *e) {
    char where[WHERE_TEXT];
    if (map->kind != YAML_MAP) {
        place_of(layer, map, where);
        return fail(e, EXIT_USAGE, "%s: expected a map of keys", where);
    }
    for (int i = 0; i < map->n; i++) {
        if (strcmp(map->key[i]->text, "base")) {
            if (!gather_pair(layer, map->key[i], map->value[i], "", e)) return false;
        } else if (map->value[i]->kind != YAML_SCALAR) {
            place_of(layer, map->value[i], where);
            return fail(e, EXIT_USAGE, "%s: base: expected the path of a file", where);
        } else {
            layer->base = map->value[i];
        }
    }
    return true;
}

static bool apply_value(Config *c, const Row *row, const Yaml *value, const char *where, Error *e) {
    if (value->kind == YAML_SCALAR) return set_row(c, row, value->text, where, e);
    if (row->type == LIST && value->kind == YAML_LIST)
        return read_items((List *)((char *)c + row->offset), row, value, where, e);
    return wrong_kind(row, value->kind, where, e);
}

static bool apply_layer(Config *c, const Layer *layer, Error *e) {
    for (int i = 0; i < ROWS; i++) {
        if (!layer->value[i]) continue;
        char where[WHERE_TEXT];
        place_of(layer, layer->value[i], where);
        if (!apply_value(c, &rows[i], layer->value[i], where, e)) return false;
    }
    return true;
}

/* ---- Variants ---- */

static bool unknown_variant(const Yaml *all, const char *name, const char *where, Error *e) {
    char hint[KEY_TEXT];
    Nearest n = {.text = name};
    for (int i = 0; i < all->n; i++) nearest_offer(&n, all->key[i]->text);
    return fail(e, EXIT_USAGE, "%s: variant: no preset is called \"%s\"%s", where, name,
                nearest_hint(&n, hint, sizeof hint));
}

static bool apply_preset(Config *c, const char *variant, const char *where, Error *e) {
    Layer layer = {.name = "configs/variants.yaml"};
    Yaml *all = yaml_parse(variants_yaml, variants_yaml_length, layer.name, e);
    if (!all) return false;
    const Yaml *preset = yaml_get(all, variant);
    bool ok = (preset || unknown_variant(all, variant, where, e)) && gather(&layer, preset, "", e) &&
              apply_layer(c, &layer, e);
    yaml_free(all);
    return ok;
}

/* ---- Files ---- */

/* The files being read, each named by the one below, so that a cycle of `base:` is seen. */
typedef struct Chain {
    const char *real; /* canonical path; NULL for a text that is no file */
    const struct Chain *up;
} Chain;

static bool load_file(Config *c, const char *path, bool presets, const Chain *up, Error *e);

static bool load_base(Config *c, const Layer *layer, bool presets, const Chain *chain, Error *e) {
    char where[WHERE_TEXT], path[PATH_MAX], real[PATH_MAX];
    const char *base = layer->base->text, *slash = strrchr(layer->name, '/');
    int folder = *base == '/' || !slash ? 0 : (int)(slash + 1 - layer->name);
    place_of(layer, layer->base, where);
    if (snprintf(path, sizeof path, "%.*s%s", folder, layer->name, base) >= (int)sizeof path)
        return fail(e, EXIT_USAGE, "%s: base: a path too long", where);
    if (!realpath(path, real)) return fail(e, EXIT_USAGE, "%s: base: %s: %s", where, path, strerror(errno));
    for (const Chain *link = chain; link; link = link->up)
        if (link->real && !strcmp(link->real, real))
            return fail(e, EXIT_USAGE, "%s: base: %s is based on this file (a cycle)", where, path);
    return load_file(c, path, presets, chain, e);
}

/* Lays base chain, preset and own keys over c. Without `presets` a stronger layer names the
 * variant; nor does a base file's preset apply when the file itself names one. */
static bool load_tree(Config *c, const Yaml *tree, const char *name, bool presets, const Chain *chain,
                      Error *e) {
    Layer layer = {.name = name};
    if (!gather_file(&layer, tree, e)) return false;
    const Yaml *variant = layer.value[find_row("variant") - rows];
    if (layer.base && !load_base(c, &layer, presets && !variant, chain, e)) return false;
    if (presets && variant && variant->kind == YAML_SCALAR) {
        char where[WHERE_TEXT];
        place_of(&layer, variant, where);
        if (!apply_preset(c, variant->text, where, e)) return false;
    }
    return apply_layer(c, &layer, e);
}

static bool load_file(Config *c, const char *path, bool presets, const Chain *up, Error *e) {
    char real[PATH_MAX];
    if (!realpath(path, real)) return fail(e, EXIT_USAGE, "%s: cannot read: %s", path, strerror(errno));
    Yaml *tree = yaml_load(path, e);
    bool ok = tree && load_tree(c, tree, path, presets, &(Chain){real, up}, e);
    yaml_free(tree);
    return ok;
}

bool config_load(Config *c, const char *path, Error *e) {
    return config_compose(c, path, NULL, 0, e);
}

bool config_parse(Config *c, const char *text, size_t length, const char *name, Error *e) {
    config_defaults(c);
    Yaml *tree = yaml_parse(text, length, name, e);
    bool ok = tree && load_tree(c, tree, name, true, NULL, e);
    yaml_free(tree);
    return ok;
}

/* ---- Settings ---- */

static bool set_key(Config *c, const Setting *s, Error *e) {
    const Row *row = find_row(s->key);
    return row ? set_row(c, row, s->text, s->where, e) : unknown_key(s->key, s->where, e);
}

bool config_set(Config *c, const char *key, const char *text, const char *where, Error *e) {
    if (!strcmp(key, "variant") && !apply_preset(c, text, where, e)) return false;
    return set_key(c, &(Setting){key, text, where}, e);
}

bool config_compose(Config *c, const char *path, const Setting *settings, int n, Error *e) {
    const Setting *variant = NULL;
    for (int i = 0; i < n; i++)
        if (!strcmp(settings[i].key, "variant")) variant = &settings[i];
    config_defaults(c);
    if (path && !load_file(c, path, !variant, NULL, e)) return false;
    if (variant && !apply_preset(c, variant->text, variant->where, e)) return false;
    for (int i = 0; i < n; i++)
        if (!set_key(c, &settings[i], e)) return false;
    return true;
}

/* Cuts each word at its first '='; text is room for the cut words. */
static bool split_words(Setting *settings, int n, char *const *words, char *text, Error *e) {
    for (int i = 0; i < n; i++) {
        const char *equals = strchr(words[i], '=');
        if (!equals)
            return fail(e, EXIT_USAGE, "command line: \"%s\" is not of the form key=value", words[i]);
        size_t length = strlen(words[i]) + 1;
        memcpy(text, words[i], length);
        text[equals - words[i]] = 0;
        settings[i] = (Setting){text, text + (equals - words[i]) + 1, "command line"};
        text += length;
    }
    return true;
}

bool config_from_words(Config *c, int n, char *const *words, Error *e) {
    if (n < 1) return fail(e, EXIT_USAGE, "command line: no configuration given (such as configs/demo.yaml)");
    size_t room = 1;
    for (int i = 1; i < n; i++) room += strlen(words[i]) + 1;
    Setting *settings = calloc((size_t)n, sizeof *settings);
    char *text = malloc(room);
    bool ok = settings && text ? split_words(settings, n - 1, words + 1, text, e)
                               : fail(e, EXIT_FAILED, "command line: out of memory");
    ok = ok && config_compose(c, words[0], settings, n - 1, e) && config_check(c, e);
    free(settings);
    free(text);
    return ok;
}

/* ---- The whole ---- */

static bool check_batch(const Config *c, Error *e) {
    int64_t batch = c->train.batch_tokens, context = c->model.context, rest = batch % context;
    if (!rest) return true;
    return fail(e, EXIT_USAGE, "train.batch_tokens: %lld is not a multiple of model.context, %lld (%lld is)",
                (long long)batch, (long long)context, (long long)(batch - rest + context));
}

static bool check_optim(OptimConfig *o, int64_t steps, Error *e) {
    if (o->warmup > steps)
        return fail(e, EXIT_USAGE,
                    "optim.warmup: %lld steps, but train.steps is %lld (set it to %lld or less)",
                    (long long)o->warmup, (long long)steps, (long long)steps);
    if (o->min_lr == -1) o->min_lr = o->lr / 10;
    if (o->min_lr < 0)
        return fail(e, EXIT_USAGE, "optim.min_lr: %g is below 0 (only -1, lr / 10, is)", o->min_lr);
    if (o->min_lr > o->lr)
        return fail(e, EXIT_USAGE, "optim.min_lr: %g is above optim.lr, %g (-1 is lr / 10)", o->min_lr,
                    o->lr);
    return true;
}

bool config_check(Config *c, Error *e) {
    if (!c->data.source[0])
        return fail(e, EXIT_USAGE, "data.source: empty (such as gcide, or the path of a text)");
    if (c->train.precision != PRECISION_FP32)
        return fail(e, EXIT_USAGE, "train.precision: %s is not supported in this version (use fp32)",
                    precision_name(c->train.precision));
    return check_batch(c, e) && check_optim(&c->optim, c->train.steps, e) && model_config_check(&c->model, e);
}

bool config_get(const Config *c, const char *key, char *text, size_t room) {
    const Row *row = find_row(key);
    char *whole = NULL;
    size_t length = 0;
    FILE *out = row ? open_memstream(&whole, &length) : NULL;
    if (!out) return false;
    writers[row->type](out, row, (const char *)c + row->offset);
    fclose(out);
    bool fits = whole && length < room;
    if (fits) memcpy(text, whole, length + 1);
    free(whole);
    return fits;
}

static void write_json_value(FILE *out, const Row *row, const Config *c) {
    const void *field = (const char *)c + row->offset;
    if (row->type == STRING)
        json_string(out, field);
    else if (row->type == CHOICE)
        json_string(out, row->names(*(const int *)field));
    else
        writers[row->type](out, row, field);
}

/* Keys of one group stand together in the table: a group opens at its first key and closes at
 * the first key of another. */
char *config_json(const Config *c, bool all) {
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    if (!out) return NULL;
    const char *group = "", *comma = "{";
    size_t group_length = 0;
    for (int i = 0; i < ROWS; i++) {
        const char *key = rows[i].key, *dot = strchr(key, '.'), *name = dot ? dot + 1 : key;
        if (!all && !strncmp(key, "run.", 4)) continue;
        size_t key_group = (size_t)(name - key);
        if (key_group != group_length || strncmp(key, group, key_group)) {
            fprintf(out, "%s%s\"%.*s\":", group_length ? "}" : "", comma, (int)key_group - 1, key);
            group = key;
            group_length = key_group;
            comma = "{";
        }
        fprintf(out, "%s\"%s\":", comma, name);
        write_json_value(out, &rows[i], c);
        comma = ",";
    }
    fputs("}}", out);
    fclose(out);
    return text;
}

void config_key(const Config *c, const char *corpus_hash, const char *tokenizer_hash, char key[33]) {
    char *json = config_json(c, false), *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (json && out) fprintf(out, "%s\n%s\n%s\n%d\n", json, corpus_hash, tokenizer_hash, NUMERICS);
    if (out) fclose(out);
    key[0] = 0; /* out of memory: no key is better than one that others share */
    if (json && text) hash_hex(text, (int64_t)length, key);
    free(text);
    free(json);
}

static void help_bounds(FILE *out, const Row *row) {
    if (row->type == INTEGER || row->type == NUMBER) fprintf(out, " [%.16g .. %.16g]", row->low, row->high);
    for (int i = 0; row->type == CHOICE && row->names(i); i++)
        fprintf(out, "%s%s", i ? " | " : " [", row->names(i));
    if (row->type == CHOICE) fputc(']', out);
}

void config_help(FILE *out) {
    static const char *const names[TYPES] = {
        [INTEGER] = "integer", [NUMBER] = "number",   [CHOICE] = "choice",
        [STRING] = "string",   [BOOLEAN] = "boolean", [LIST] = "list",
    };
    for (int i = 0; i < ROWS; i++) {
        const Row *row = &rows[i];
        const char *fallback = row->fallback ? row->fallback : row->names(0);
        fprintf(out, "  %-21s %-8s %-9s %s", row->key, names[row->type], fallback, row->help);
        help_bounds(out, row);
        fputc('\n', out);
    }
}
