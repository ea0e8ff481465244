#include "train/config/config.h"

#include "data/base/listing.h"
#include "data/base/text.h"
#include "train/config/config_private.h"
#include "train/config/conflicts.h"
#include "train/config/did_you_mean.h"
#include "train/embedded_files.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WHERE_TEXT = 768 };

/* ---- Layers: the keys of one map, each at its row ---- */

/* A layer's values point into the YAML tree from which the layer was made. */
typedef struct Layer {
    const char *name;               /* file, for errors */
    const Yaml *base;               /* `base:`, where it is allowed */
    const Yaml *value[CONFIG_ROWS]; /* NULL: not given here */
} Layer;

static void place_of(const Layer *layer, const Yaml *at, char where[WHERE_TEXT]) {
    snprintf(where, WHERE_TEXT, "%s:%d:%d", layer->name, at->line, at->column);
}

static bool is_group(const char *key) {
    size_t length = strlen(key);
    for (int i = 0; config_key_name(i); i++)
        if (!strncmp(config_key_name(i), key, length) && config_key_name(i)[length] == '.') return true;
    return false;
}

static bool gather(Layer *layer, const Yaml *map, const char *prefix, Error *e);

static bool gather_pair(Layer *layer, const Yaml *key, const Yaml *value, const char *prefix, Error *e) {
    char where[WHERE_TEXT], full[KEY_TEXT];
    place_of(layer, key, where);
    snprintf(full, sizeof full, "%s%s%s", prefix, *prefix ? "." : "", key->text);
    int row = config_row(full);
    if (row >= 0) {
        const Yaml **slot = &layer->value[row];
        if (*slot)
            return fail(e, EXIT_USAGE, "%s: duplicate key %s (first on line %d)", where, full, (*slot)->line);
        *slot = value;
        return true;
    }
    if (!is_group(full)) return config_unknown_key(full, where, e);
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

/* A configuration being composed, and where each key was given its value: "" where nowhere. */
typedef struct Draft {
    Config *c;
    char (*places)[WHERE_TEXT]; /* a row each; NULL: nobody asks */
} Draft;

static void note_place(const Draft *d, int row, const char *where) {
    if (d->places) snprintf(d->places[row], WHERE_TEXT, "%s", where);
}

static bool apply_layer(const Draft *d, const Layer *layer, Error *e) {
    for (int i = 0; i < CONFIG_ROWS; i++) {
        if (!layer->value[i]) continue;
        char where[WHERE_TEXT];
        place_of(layer, layer->value[i], where);
        if (!config_set_yaml(d->c, i, layer->value[i], where, e)) return false;
        note_place(d, i, where);
    }
    return true;
}

/* ---- Variants ---- */

static bool unknown_variant(const Yaml *all, const char *name, const char *where, Error *e) {
    char hint[KEY_TEXT];
    DidYouMean n = {.text = name};
    for (int i = 0; i < all->n; i++) did_you_mean_offer(&n, all->key[i]->text);
    did_you_mean_hint(&n, hint, sizeof hint);
    return fail(e, EXIT_USAGE, "%s: variant: no preset is called \"%s\"%s", where, name,
                *hint ? hint : " (configs/variants.yaml has them)");
}

static bool apply_preset(const Draft *d, const char *variant, const char *where, Error *e) {
    Layer layer = {.name = "configs/variants.yaml"};
    Yaml *all = yaml_parse(variants_yaml, variants_yaml_length, layer.name, e);
    if (!all) return false;
    const Yaml *preset = yaml_get(all, variant);
    bool ok = (preset || unknown_variant(all, variant, where, e)) && gather(&layer, preset, "", e) &&
              apply_layer(d, &layer, e);
    yaml_free(all);
    return ok;
}

int config_variants(char (*names)[VARIANT_TEXT], int room, Error *e) {
    Yaml *all = yaml_parse(variants_yaml, variants_yaml_length, "configs/variants.yaml", e);
    int n = 0;
    for (; all && n < all->n && n < room; n++) snprintf(names[n], VARIANT_TEXT, "%s", all->key[n]->text);
    yaml_free(all);
    return n;
}

/* ---- Files ---- */

/* The files being read, each named by the one below, so that a cycle of `base:` is seen. */
typedef struct Chain {
    const char *real; /* canonical path; NULL for a text that is no file */
    const struct Chain *up;
} Chain;

static bool load_file(const Draft *d, const char *path, bool presets, const Chain *up, Error *e);

static bool load_base(const Draft *d, const Layer *layer, bool presets, const Chain *chain, Error *e) {
    char where[WHERE_TEXT], path[PATH_MAX], real[PATH_MAX];
    const char *base = layer->base->text, *slash = strrchr(layer->name, '/');
    int folder = *base == '/' || !slash ? 0 : (int)(slash + 1 - layer->name);
    place_of(layer, layer->base, where);
    if (snprintf(path, sizeof path, "%.*s%s", folder, layer->name, base) >= (int)sizeof path)
        return fail(e, EXIT_USAGE, "%s: base: a path too long", where);
    if (!realpath(path, real))
        return fail(e, exit_code_of(errno), "%s: base: %s: %s", where, path, strerror(errno));
    for (const Chain *link = chain; link; link = link->up)
        if (link->real && !strcmp(link->real, real))
            return fail(e, EXIT_USAGE, "%s: base: %s is based on this file (a cycle)", where, path);
    return load_file(d, path, presets, chain, e);
}

/* Lays base chain, preset and own keys over the draft. Without `presets` a stronger layer names the
 * variant; nor does a base file's preset apply when the file itself names one. */
static bool load_tree(const Draft *d, const Yaml *tree, const char *name, bool presets, const Chain *chain,
                      Error *e) {
    Layer layer = {.name = name};
    if (!gather_file(&layer, tree, e)) return false;
    if (layer.base && !chain) /* a checkpoint must not make this machine's files a part of itself */
        return fail(e, EXIT_USAGE, "%s: base: only a configuration file may have one", name);
    const Yaml *variant = layer.value[config_row("variant")];
    if (layer.base && !load_base(d, &layer, presets && !variant, chain, e)) return false;
    if (presets && variant && variant->kind == YAML_SCALAR) {
        char where[WHERE_TEXT];
        place_of(&layer, variant, where);
        if (!apply_preset(d, variant->text, where, e)) return false;
    }
    return apply_layer(d, &layer, e);
}

static bool is_yaml(const char *path) {
    return text_ends(path, ".yaml");
}

static char *last_part(char *path) {
    char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    name[strcspn(name, ".")] = 0;
    return name;
}

/* The file of configs/ whose name is nearest to that of `path`, whatever folder and ending it was given. */
static bool nearest_file(const char *path, char near[PATH_MAX]) {
    char given[PATH_MAX];
    FileList files = {0};
    Error ignored;
    snprintf(given, sizeof given, "%s", path);
    DidYouMean n = {.text = last_part(given)};
    if (files_list(&files, "configs", is_yaml, &ignored))
        for (int64_t i = 0; i < files.files; i++) did_you_mean_offer(&n, last_part(files.path[i]));
    if (n.best) snprintf(near, PATH_MAX, "configs/%s.yaml", n.best);
    files_free(&files);
    return n.best;
}

/* The file that may have been meant: that of a longer name, or one of configs/; "": none. Leaves errno. */
static const char *file_hint(const char *path, char hint[PATH_MAX + 32]) {
    int why = errno;
    char file[PATH_MAX];
    bool longer = snprintf(file, sizeof file, "%s.yaml", path) < PATH_MAX && !access(file, R_OK);
    *hint = 0;
    if (why == ENOENT && (longer || nearest_file(path, file)))
        snprintf(hint, PATH_MAX + 32, " (did you mean %s?)", file);
    errno = why;
    return hint;
}

static bool load_file(const Draft *d, const char *path, bool presets, const Chain *up, Error *e) {
    char real[PATH_MAX], hint[PATH_MAX + 32];
    if (!realpath(path, real))
        return fail(e, exit_code_of(errno), "file: %s: %s%s", path, strerror(errno), file_hint(path, hint));
    Yaml *tree = yaml_load(path, e);
    bool ok = tree && load_tree(d, tree, path, presets, &(Chain){real, up}, e);
    yaml_free(tree);
    return ok;
}

bool config_load(Config *c, const char *path, Error *e) {
    return config_compose(c, path, NULL, 0, e);
}

bool config_parse(Config *c, const char *text, size_t length, const char *name, Error *e) {
    config_defaults(c);
    Yaml *tree = yaml_parse(text, length, name, e);
    bool ok = tree && load_tree(&(Draft){c, NULL}, tree, name, true, NULL, e);
    yaml_free(tree);
    return ok;
}

const char *config_missing(const char *text, size_t length, bool (*wanted)(const char *key)) {
    const char *missing = NULL;
    Error ignored;
    Layer layer = {.name = ""};
    Yaml *tree = yaml_parse(text, length, "", &ignored);
    bool ok = tree && gather_file(&layer, tree, &ignored);
    for (int i = 0; ok && !missing && config_key_name(i); i++)
        if (!layer.value[i] && !config_row_since(i) && wanted(config_key_name(i)))
            missing = config_key_name(i);
    yaml_free(tree);
    return missing;
}

/* ---- Settings ---- */

static bool set_key(const Draft *d, const Setting *s, Error *e) {
    int row = config_row(s->key);
    if (row < 0) return config_unknown_key(s->key, s->where, e);
    if (!config_set_row(d->c, row, s->text, s->where, e)) return false;
    note_place(d, row, s->where);
    return true;
}

bool config_set(Config *c, const char *key, const char *text, const char *where, Error *e) {
    Draft d = {c, NULL};
    if (!strcmp(key, "variant") && !apply_preset(&d, text, where, e)) return false;
    return set_key(&d, &(Setting){key, text, where}, e);
}

static bool compose(const Draft *d, const char *path, const Setting *settings, int n, Error *e) {
    const Setting *variant = NULL;
    for (int i = 0; i < n; i++)
        if (!strcmp(settings[i].key, "variant")) variant = &settings[i];
    config_defaults(d->c);
    if (path && !load_file(d, path, !variant, NULL, e)) return false;
    if (variant && !apply_preset(d, variant->text, variant->where, e)) return false;
    for (int i = 0; i < n; i++)
        if (!set_key(d, &settings[i], e)) return false;
    return true;
}

bool config_compose(Config *c, const char *path, const Setting *settings, int n, Error *e) {
    return compose(&(Draft){c, NULL}, path, settings, n, e);
}

/* Whether the keys fit together. The error begins with the key that does not, after the place where it was
 * given. */
static bool check_draft(const Draft *d, Error *e) {
    Error why = {0};
    char key[KEY_TEXT];
    if (config_check(d->c, &why)) return true;
    snprintf(key, sizeof key, "%.*s", (int)strcspn(why.text, ":"), why.text);
    int row = config_row(key);
    const char *place = row >= 0 ? d->places[row] : "";
    return fail(e, why.code, "%s%s%s", place, *place ? ": " : "", why.text);
}

/* Cuts each word at its first '='; text is room for the cut words. */
static bool split_words(Setting *settings, int n, char *const *words, char *text, Error *e) {
    for (int i = 0; i < n; i++) {
        const char *equals = strchr(words[i], '=');
        if (!equals)
            return fail(e, EXIT_USAGE,
                        "command line: \"%s\" is not of the form key=value (one word, no blanks)", words[i]);
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
    Draft d = {c, calloc(CONFIG_ROWS, sizeof *d.places)};
    bool ok = settings && text && d.places ? split_words(settings, n - 1, words + 1, text, e)
                                           : fail(e, EXIT_FAILED, "command line: out of memory");
    ok = ok && compose(&d, words[0], settings, n - 1, e) && check_draft(&d, e);
    free(settings);
    free(text);
    free(d.places);
    return ok;
}
