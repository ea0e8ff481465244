/* What is read as configuration: YAML, a file's keys, words of a command line, a sweep, interventions. What
 * is taken is written and read again: nothing may change on the way. */
#include "tests/fuzz/targets.h"

#include "ablations/sweep/sweep.h"
#include "model/interventions/intervention.h"
#include "train/commands/command.h"
#include "train/config/conflicts.h"

#include <stdlib.h>
#include <string.h>

/* YAML knows no key of more than 1,024 characters where its colon is to tell that it is one (1.2,
 * section 7.4.3); an escape takes six. */
static bool has_long_key(const Yaml *y) {
    enum { MOST = 1000 / 6 };
    for (int i = 0; i < y->n; i++)
        if ((y->key && strlen(y->key[i]->text) > MOST) || has_long_key(y->value[i])) return true;
    return false;
}

void fuzz_yaml(const char *data, int64_t size) {
    Error e = {0};
    Yaml *y = yaml_parse(data, (size_t)size, "input", &e);
    if (!y) {
        fuzz_refused(&e);
        MUST(e.code == EXIT_USAGE);
        return;
    }
    char *json = yaml_json(y);
    Yaml *again = yaml_parse(json, strlen(json), "json", &e);
    MUST(again || has_long_key(y));
    char *twice = again ? yaml_json(again) : NULL;
    MUST(!twice || !strcmp(json, twice));
    for (int i = 0; y->kind == YAML_MAP && i < y->n; i++) MUST(yaml_get(y, y->key[i]->text) == y->value[i]);
    yaml_free(y), yaml_free(again), free(json), free(twice);
}

/* Each key read back from its own text, and all from their JSON. */
static void check_config(const Config *c) {
    Error e = {0};
    char *json = config_json(c, true), text[2048], key[33];
    Config again;
    MUST(json && config_parse(&again, json, strlen(json), "json", &e));
    char *twice = config_json(&again, true);
    MUST(!strcmp(json, twice));
    for (int i = 0; config_key_name(i); i++)
        if (strcmp(config_key_name(i), "variant") && config_get(c, config_key_name(i), text, sizeof text))
            MUST(config_set(&again, config_key_name(i), text, "text", &e));
    char *set = config_json(&again, true);
    MUST(!strcmp(json, set));
    config_key(c, "corpus", "tokenizer", key);
    MUST(strlen(key) == 32);
    Config checked = *c;
    if (!config_check(&checked, &e)) fuzz_refused(&e);
    free(json), free(twice), free(set);
}

static bool is_wanted(const char *key) {
    return !strncmp(key, "model.", 6);
}

void fuzz_config(const char *data, int64_t size) {
    Error e = {0};
    Config c;
    Path folder = fuzz_folder();
    config_missing(data, (size_t)size, is_wanted);
    if (config_parse(&c, data, (size_t)size, "input", &e))
        check_config(&c);
    else
        fuzz_refused(&e);
    fuzz_files(folder.s, data, size); /* files that are based on each other */
    e = (Error){0};
    if (config_load(&c, path_of("%s/input", folder.s).s, &e))
        check_config(&c);
    else
        fuzz_refused(&e);
}

enum { WORDS = 64 };

/* The lines of a text, each a word. */
static int words_of(char *text, char *word[WORDS]) {
    int n = 0;
    char *save = NULL;
    for (char *line = strtok_r(text, "\n", &save); line && n < WORDS; line = strtok_r(NULL, "\n", &save))
        word[n++] = line;
    return n;
}

void fuzz_words(const char *data, int64_t size) {
    char *text = fuzz_text(data, size), *word[WORDS + 1] = {"configs/demo.yaml"};
    const char *db = "";
    bool json = false;
    int64_t number = 0;
    TextList list = {0};
    const Flag flags[] = {{"--db", FLAG_TEXT, &db},
                          {"--json", FLAG_BOOL, &json},
                          {"--jobs", FLAG_INT, &number},
                          {"--do", FLAG_LIST, &list},
                          {NULL, FLAG_BOOL, NULL}};
    int n = words_of(text, word + 1), left = 0;
    Error e = {0};
    Config c;
    if (config_from_words(&c, n + 1, word, &e))
        check_config(&c);
    else
        fuzz_refused(&e);
    e = (Error){0};
    if (flags_read(flags, n, word + 1, &left, &e))
        MUST(left <= n && db && list.n <= LIST_ITEMS);
    else
        fuzz_refused(&e);
    free(text);
}

void fuzz_sweep(const char *data, int64_t size) {
    Error e = {0};
    Path folder = fuzz_folder();
    fuzz_files(folder.s, data, size);
    Sweep *s = sweep_load(path_of("%s/input", folder.s).s, 0, NULL, &e);
    if (!s) {
        fuzz_refused(&e);
        return;
    }
    int n = sweep_runs(s);
    const int look[] = {0, n / 2, n - 1};
    MUST(n > 0 && n <= SWEEP_RUNS);
    for (size_t i = 0; i < sizeof look / sizeof *look; i++) {
        Config c;
        char label[LABEL_TEXT];
        sweep_label(s, look[i], LABEL_ALL, label);
        MUST(*label);
        for (int a = 0; a < s->axes; a++) MUST(sweep_value(s, look[i], a));
        e = (Error){0};
        if (!sweep_config(s, look[i], &c, &e)) fuzz_refused(&e);
    }
    sweep_free(s);
}

void fuzz_interventions(const char *data, int64_t size) {
    enum { T = 16 };
    char *text = fuzz_text(data, size), *line[WORDS], said[INTERVENTION_TEXT], twice[INTERVENTION_TEXT];
    Config c;
    config_defaults(&c);
    c.model.vocab = 300;
    int n = words_of(text, line);
    for (int i = 0; i < n; i++) {
        Error e = {0};
        Intervention change, again;
        if (!intervention_read(line[i], "input", &c.model, T, &change, &e)) {
            fuzz_refused(&e);
            continue;
        }
        intervention_text(&change, said);
        MUST(intervention_read(said, "text", &c.model, T, &again, &e));
        intervention_text(&again, twice);
        MUST(!strcmp(said, twice) && !memcmp(change.arg, again.arg, sizeof change.arg));
    }
    free(text);
}
