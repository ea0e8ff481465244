#include "train/store/model_card.h"

#include "data/base/files.h"
#include "data/base/text.h"
#include "data/base/yaml.h"
#include "train/checkpoint/hugging_face_classes.h"
#include "train/store/column.h"
#include "train/store/store_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Figures of a card, in the order of the query's columns behind `before`. */
static const char *const figures[] = {
    "validation loss (nats a token)",
    "bits per byte of text",
    "sink rate: share of heads, layers and rows whose first key has a mass above 0.3",
    "sink mass: mean mass of the first key",
    "that mass if attention were even",
    "norm ratio: first vector of the stream over the median of the others",
    "value drain: the same of values, median over heads"};
enum { FIGURES = sizeof figures / sizeof *figures };

static const char sql[] =
    "SELECT r.variant, r.seed, r.corpus, r.licence, r.git, r.parameters, e.step,"
    " (SELECT max(tokens) FROM step WHERE run_id = r.id AND step <= ?2),"
    " e.val_loss, e.bits_per_byte, e.sink_rate_03, e.sink_mass, e.uniform_mass, e.norm_ratio, e.value_drain"
    " FROM run AS r LEFT JOIN eval_now AS e ON e.run_id = r.id AND e.probe = 'main' AND e.step <= ?2"
    " WHERE r.key = ?1 ORDER BY e.val_loss IS NULL, e.step DESC LIMIT 1";
enum { VARIANT, SEED, CORPUS, LICENCE, GIT, PARAMETERS, EVALUATED, TOKENS, BEFORE };

static const char *word(sqlite3_stmt *q, int column) {
    const char *text = column_text(q, column);
    return text && *text ? text : "unknown";
}

static void print_head(FILE *out, sqlite3_stmt *q, const char *key, int64_t step, const Config *c) {
    fprintf(out,
            "---\nlibrary_name: transformers\ntags: [sinklab]\n---\n# %s, seed %lld, after %lld updates\n\n"
            "Written by `sinklab export` from run %s (program %s): %.2f M parameters, %s on\n"
            "%s, licence %s",
            word(q, VARIANT), (long long)sqlite3_column_int64(q, SEED), (long long)step, key, word(q, GIT),
            sqlite3_column_double(q, PARAMETERS) * 1e-6,
            *c->train.init_from ? "trained from other weights" : "pretrained from scratch", word(q, CORPUS),
            word(q, LICENCE));
    if (sqlite3_column_int64(q, TOKENS))
        fprintf(out, "; %lld tokens seen", (long long)sqlite3_column_int64(q, TOKENS));
    fputs(".\n", out);
}

static void print_figures(FILE *out, sqlite3_stmt *q) {
    if (sqlite3_column_type(q, EVALUATED) == SQLITE_NULL) return;
    fprintf(out, "\n| after %lld updates | |\n|---|---|\n", (long long)sqlite3_column_int64(q, EVALUATED));
    for (int i = 0; i < FIGURES; i++)
        if (sqlite3_column_type(q, BEFORE + i) != SQLITE_NULL)
            fprintf(out, "| %s | %.4g |\n", figures[i], sqlite3_column_double(q, BEFORE + i));
}

/* What Python says for it. Code of the folder is trusted where the class, or its tokenizer, is there. */
static void print_loading(FILE *out, const Config *c) {
    Error none = {0};
    const HuggingFaceClass *class = hugging_face_class_for(c, &none);
    if (!class) return;
    fprintf(out,
            "\n```python\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n"
            "model = AutoModelForCausalLM.from_pretrained(FOLDER%s)\n"
            "tokenizer = AutoTokenizer.from_pretrained(FOLDER%s)\n```\n",
            class->ours ? ", trust_remote_code=True" : "",
            class->ours || class->own_tokens ? ", trust_remote_code=True" : "");
}

/* Keys that are not at their defaults, as a configuration file has them. */
static void print_keys(FILE *out, const Config *c) {
    Config defaults;
    const char *key;
    config_defaults(&defaults);
    fputs("\nIts configuration, where it is not the default:\n\n```yaml\n", out);
    for (int i = 0; (key = config_key_name(i)); i++) {
        char have[LIST_ITEMS * (LIST_TEXT + 4)], usual[sizeof have];
        if (!strncmp(key, "run.", 4) || !config_get(c, key, have, sizeof have) ||
            !config_get(&defaults, key, usual, sizeof usual) || !strcmp(have, usual))
            continue;
        fprintf(out, "%s: ", key);
        if (*have != '[' && strpbrk(have, ":#\\\"'\n\t&*!|>%@`{}"))
            json_string(out, have); /* which YAML reads as well */
        else
            fputs(have, out);
        fputc('\n', out);
    }
    fputs("```\n", out);
}

static bool write_card(const char *folder, sqlite3_stmt *q, const char *key, int64_t step, const Config *c,
                       Error *e) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = text_open(&text, &length);
    print_head(out, q, key, step, c);
    print_figures(out, q);
    print_loading(out, c);
    print_keys(out, c);
    fclose(out);
    bool ok = file_write(path_of("%s/README.md", folder).s, text, (int64_t)length, e);
    free(text);
    return ok;
}

bool model_card_write(const char *folder, const char *db, const char *key, int64_t step, const Config *c,
                      Error *e) {
    Store *s;
    if (!*key) return fail(e, EXIT_USAGE, "no run of ours wrote it");
    if (access(db, F_OK)) return fail(e, EXIT_USAGE, "%s: no such file", db);
    if (!store_open(&s, db, STORE_READ, e)) return false;
    sqlite3_stmt *q = store_prepare(s, e, sql, "ti", key, step);
    bool ok = q != NULL;
    int result = q ? sqlite3_step(q) : SQLITE_ERROR;
    if (result == SQLITE_DONE) ok = fail(e, EXIT_USAGE, "%s: has no run %.8s", db, key);
    if (result == SQLITE_ROW) {
        ok = write_card(folder, q, key, step, c, e);
        result = SQLITE_DONE;
    }
    ok = q && store_ended(s, q, result, e) && ok;
    store_close(s);
    return ok;
}
