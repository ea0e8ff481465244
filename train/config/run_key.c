/* The run key, and what is known of a model without one. The key: which runs are the same run. A key of the
 * configuration that was born after runs of today's NUMERICS is left out of the hash while it stands at its
 * default: those runs did what the default does, and stay done. Weights to start from are known by what they
 * are, not by where they lie. When NUMERICS is raised no run is done any more, and from then on the key
 * enters at any value.
 */
#include "data/base/files.h"
#include "data/base/text.h"
#include "train/config/config_private.h"

#include <stdlib.h>
#include <string.h>

static bool enters(const Config *c, int row) {
    bool young = config_row_since(row) == NUMERICS;
    if (*c->train.init_hash && !strcmp(config_key_name(row), "train.init_from")) return false;
    return config_row_trains(c, row) && !(young && config_row_is_default(c, row));
}

void config_key(const Config *c, const char *corpus_hash, const char *tokenizer_hash, char key[33]) {
    char *json = config_json_of(c, enters), *text = NULL;
    size_t length = 0;
    FILE *out = text_open(&text, &length);
    fprintf(out, "%s\n%s\n%s\n%d\n", json, corpus_hash, tokenizer_hash, NUMERICS);
    if (c->train.precision == PRECISION_BF16) fprintf(out, "%d\n", NUMERICS_BF16);
    fclose(out);
    hash_hex(text, (int64_t)length, key);
    free(text);
    free(json);
}

static bool known_of_import(const Config *c, int row) {
    static const char *const known[] = {"variant", "seed", "data.source", "data.bos", "train.steps"};
    const char *key = config_key_name(row);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(key, known[i])) return true;
    return !strncmp(key, "model.", 6) || (c->train.batch_tokens && !strcmp(key, "train.batch_tokens"));
}

char *config_json_imported(const Config *c) {
    return config_json_of(c, known_of_import);
}
