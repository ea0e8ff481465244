#include "ablations/sweep/sweep_parts.h"

#include "data/base/files.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_MOST = 100 };

static bool read_name(SweepReader *p, const Yaml *value) {
    if (!reader_text(p, value, "name", &p->s->name)) return false;
    const char *c = p->s->name;
    while (isalnum((unsigned char)*c) || (*c && strchr("-_.", *c))) c++;
    if (*c || !*p->s->name || *p->s->name == '.')
        return reader_refuse(p, value, "name: \"%s\": letters, digits, - _ . only", p->s->name);
    if (strlen(p->s->name) > NAME_MOST)
        return reader_refuse(p, value, "name: longer than %d letters (files are called by it)", NAME_MOST);
    return true;
}

static bool read_claim(SweepReader *p, const Yaml *value) {
    return reader_text(p, value, "claim", &p->s->claim);
}

static bool read_source(SweepReader *p, const Yaml *value) {
    return reader_text(p, value, "source", &p->s->source);
}

static bool read_note(SweepReader *p, const Yaml *value) {
    return reader_text(p, value, "note", &p->s->note);
}

static bool read_base(SweepReader *p, const Yaml *value) {
    const char *base = NULL;
    Config scratch;
    if (!reader_text(p, value, "base", &base) || !(p->s->base = reader_beside(p, base))) return false;
    if (access(p->s->base, R_OK))
        return reader_refuse(p, value, "base: %s: %s (the path is relative to this file)", p->s->base,
                             strerror(errno));
    return config_load(&scratch, p->s->base, p->e);
}

/* Read in this order, whatever the order in the file: each may look at those above it. NULL: after everything
 * else, on the combinations that the axes make. */
static const struct {
    const char *key;
    bool (*read)(SweepReader *p, const Yaml *value);
} parts[] = {
    {"name", read_name},         {"claim", read_claim},
    {"source", read_source},     {"base", read_base},
    {"set", sweep_read_set},     {"grid", sweep_read_grid},
    {"zip", sweep_read_zip},     {"exclude", NULL},
    {"seeds", sweep_read_seeds}, {"compare", sweep_read_compare},
    {"tune", sweep_read_tune},   {"expect", sweep_read_expect},
    {"note", read_note},         {"tables", sweep_read_tables},
    {"fits", sweep_read_fits},   {"needs", sweep_read_needs},
};

enum { PARTS = sizeof parts / sizeof *parts };

static bool combine(SweepReader *p) {
    Sweep *s = p->s;
    int64_t n = 1;
    if (!s->seeded) {
        if (!s->axes) return reader_refuse(p, s->tree, "nothing varies (give it grid, zip or seeds)");
        if (!sweep_add_seed(p, s->tree, 0)) return false;
        s->judging = 1;
    }
    for (int i = 0; i < s->places; i++) {
        n *= s->place[i].n;
        if (n * s->seeds > SWEEP_RUNS) return reader_refuse(p, s->tree, "more than %d runs", SWEEP_RUNS);
    }
    s->combination = calloc((size_t)n, sizeof *s->combination);
    if (!s->combination) return fail(p->e, EXIT_FAILED, "%s: out of memory", s->path);
    for (; s->combinations < n; s->combinations++) s->combination[s->combinations] = s->combinations;
    const Yaml *exclude = yaml_get(s->tree, "exclude");
    return !exclude || sweep_read_exclude(p, exclude);
}

/* Cells are told apart by their labels. */
static bool labels_fit(SweepReader *p) {
    char label[LABEL_TEXT];
    for (int i = 0; i < sweep_runs(p->s); i += p->s->seeds) {
        sweep_label(p->s, i, LABEL_ALL, label);
        if (strlen(label) == LABEL_TEXT - 1)
            return reader_refuse(p, p->s->tree,
                                 "the values of a run's axes take more than %d letters: %.60s...",
                                 LABEL_TEXT - 1, label);
    }
    return true;
}

/* What stands beside the sweep's keys and is a configuration's; `seed` is taken for a slip of `seeds`. */
static bool none_of_a_run(SweepReader *p, const Yaml *key) {
    bool part = false;
    for (int i = 0; i < PARTS; i++) part = part || !strcmp(parts[i].key, key->text);
    if (part || !strcmp(key->text, "seed") || !(reader_is_key(key->text) || reader_is_group(key->text)))
        return true;
    return reader_refuse(p, key, "sweep: %s is of a configuration (it stands under set: or grid:)",
                         key->text);
}

static bool read_tree(SweepReader *p) {
    Sweep *s = p->s;
    const char *known[PARTS + 1] = {NULL};
    for (int i = 0; i < PARTS; i++) known[i] = parts[i].key;
    for (int i = 0; s->tree->kind == YAML_MAP && i < s->tree->n; i++)
        if (!none_of_a_run(p, s->tree->key[i])) return false;
    if (!reader_only_keys(p, s->tree, "sweep", known)) return false;
    if (!yaml_get(s->tree, "name"))
        return reader_refuse(p, s->tree, "name: missing (what is this sweep called?)");
    for (int i = 0; i < PARTS; i++) {
        const Yaml *value = parts[i].read ? yaml_get(s->tree, parts[i].key) : NULL;
        if (value && !parts[i].read(p, value)) return false;
    }
    return combine(p) && labels_fit(p);
}

static bool word_fits(SweepReader *p, const char *key) {
    const Sweep *s = p->s;
    for (int i = 0; i < s->axes; i++)
        if (!strcmp(s->axis[i].key, key))
            return fail(p->e, EXIT_USAGE, "command line: %s is an axis of %s", key, s->path);
    if (s->seeded && !strcmp(key, "seed"))
        return fail(p->e, EXIT_USAGE, "command line: %s has seeds of its own (change its seeds:)", s->path);
    return true;
}

static bool read_words(SweepReader *p, int words, char *const *word) {
    Sweep *s = p->s;
    for (; s->words < words; s->words++) {
        const char *text = word[s->words], *equals = strchr(text, '=');
        Config scratch;
        config_defaults(&scratch);
        if (!equals)
            return fail(p->e, EXIT_USAGE,
                        "command line: \"%s\" is not of the form key=value (one word, no blanks)", text);
        if (!reader_grow(p, &s->word, s->words, sizeof *s->word)) return false;
        const char *key = reader_print(p, "%.*s", (int)(equals - text), text);
        if (!key || !word_fits(p, key) || !config_set(&scratch, key, equals + 1, "command line", p->e))
            return false;
        s->word[s->words] = (Setting){key, equals + 1, "command line"};
    }
    return true;
}

Sweep *sweep_load(const char *path, int words, char *const *word, Error *e) {
    Bytes text = {0};
    Sweep *s = calloc(1, sizeof *s);
    SweepReader p = {.s = s, .e = e};
    if (!s) {
        fail(e, EXIT_FAILED, "%s: out of memory", path);
        return NULL;
    }
    s->path = path;
    s->name = s->claim = s->source = s->note = "";
    s->side = s->baseline = -1;
    bool ok = file_read(path, &text, e) && bytes_append(&text, "", 1, e);
    if (ok)
        s->text = reader_own(&p, text.data); /* or it is gone */
    else
        bytes_free(&text);
    ok = s->text && (s->tree = yaml_parse(s->text, (size_t)text.size - 1, path, e)) && read_tree(&p) &&
         read_words(&p, words, word);
    sqlite3_close(p.figures);
    if (ok) return s;
    sweep_free(s);
    return NULL;
}

void sweep_free(Sweep *s) {
    if (!s) return;
    for (int i = 0; i < s->axes; i++) free(s->axis[i].value);
    for (int i = 0; i < s->owned; i++) free(s->own[i]);
    free(s->own);
    free(s->set);
    free(s->word);
    free(s->combination);
    free(s->seed);
    free(s->expect);
    free(s->need);
    free(s->table);
    free(s->fit);
    yaml_free(s->tree);
    free(s);
}
