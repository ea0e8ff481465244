/* Owns: the commands `data` and `fetch`: a text's tokens prepared and described, a named corpus
 * got. Does not own: how (data/). */
#include "data/base/yaml.h"
#include "data/data.h"
#include "data/standard_input.h"
#include "train/commands/command.h"
#include "train/config/config.h"
#include "train/progress.h"

#include <math.h>

/* A figure of a dataset: its text, else its integer, else its number, whichever is set first. */
typedef struct Field {
    const char *name;
    const char *text;
    const int64_t *integer;
    double number; /* NAN: undefined for this source */
} Field;

static void print_lines(const Field *field) {
    for (; field->name; field++) {
        if (field->text)
            printf("%-16s %s\n", field->name, field->text);
        else if (field->integer)
            printf("%-16s %lld\n", field->name, (long long)*field->integer);
        else if (!isnan(field->number))
            printf("%-16s %.4f\n", field->name, field->number);
    }
}

static void print_json(const Field *field) {
    for (const char *comma = "{"; field->name; field++, comma = ",") {
        printf("%s\"%s\":", comma, field->name);
        if (field->text)
            json_string(stdout, field->text);
        else if (field->integer)
            printf("%lld", (long long)*field->integer);
        else if (isnan(field->number))
            printf("null");
        else
            printf("%.17g", field->number);
    }
    printf("}\n");
}

static void print_info(const DatasetInfo *info, bool json) {
    const int64_t bos = info->bos;
    const Field fields[] = {
        {"vocab", .integer = &info->vocab},
        {"bos", .integer = &bos},
        {"train_tokens", .integer = &info->train_tokens},
        {"heldout_tokens", .integer = &info->heldout_tokens},
        {"train_documents", .integer = &info->train_documents},
        {"mean_document", .number = info->mean_document},
        {"bytes_per_token", .number = info->bytes_per_token},
        {"oracle_trigger", .number = info->oracle_trigger},
        {"oracle_other", .number = info->oracle_other},
        {"corpus_hash", .text = info->corpus_hash},
        {"tokenizer_hash", .text = info->tokenizer_hash},
        {"licence", .text = info->licence},
        {"note", .text = *info->note ? info->note : "all of the text is read"},
        {"path", .text = info->path},
        {.name = NULL},
    };
    (json ? print_json : print_lines)(fields);
}

static bool run_data(int argc, char **argv, Error *e) {
    const char *cache = "data/cache", *shards = NULL;
    bool json = false, quiet = false;
    const Flag flags[] = {{"--cache", FLAG_TEXT, &cache},
                          {"--shards", FLAG_TEXT, &shards},
                          {"--json", FLAG_BOOL, &json},
                          {"--quiet", FLAG_BOOL, &quiet},
                          {0}};
    Config config;
    Dataset *dataset;
    int words;
    if (!flags_read(flags, argc, argv, &words, e) || !config_from_words(&config, words, argv, e))
        return false;
    if (!standard_input_keep(&config.data, cache, e)) return false;
    if (!dataset_open(&dataset, &config.data, cache, quiet ? NULL : progress_line, e)) return false;
    bool ok = !shards || dataset_shards(dataset, shards, e);
    if (ok) print_info(dataset_info(dataset), json);
    dataset_close(dataset);
    return ok;
}

static bool run_fetch(int argc, char **argv, Error *e) {
    const char *cache = "data/cache";
    char names[CORPUS_NAMES];
    bool quiet = false;
    const Flag flags[] = {{"--cache", FLAG_TEXT, &cache}, {"--quiet", FLAG_BOOL, &quiet}, {0}};
    int words;
    if (!flags_read(flags, argc, argv, &words, e)) return false;
    if (words != 1)
        return fail(e, EXIT_USAGE, "command line: fetch takes one name (one of: %s)",
                    corpus_names(names, sizeof names));
    return corpus_fetch(argv[0], cache, quiet ? NULL : progress_line, e);
}

static int data_main(int argc, char **argv, Error *e) {
    return run_data(argc, argv, e) ? EXIT_DONE : e->code;
}

static int fetch_main(int argc, char **argv, Error *e) {
    return run_fetch(argc, argv, e) ? EXIT_DONE : e->code;
}

static void list_corpora(FILE *out) {
    char names[CORPUS_NAMES];
    fprintf(out, "\nNAME is one of: %s\n", corpus_names(names, sizeof names));
}

const Command data_command = {
    .name = "data",
    .usage = "CONFIG [key=value ...]",
    .summary = "prepare and cache the tokens of a configuration's text, and describe them",
    .options = "  --cache DIR   folder of prepared tokens (default data/cache)\n"
               "  --shards DIR  the tokens as llm.c's files too, data_train_*.bin and data_val_*.bin\n"
               "  --json        the description as JSON\n"
               "  --quiet       no progress\n",
    .run = data_main,
};

const Command fetch_command = {
    .name = "fetch",
    .usage = "NAME",
    .summary = "get a named corpus; nothing is installed",
    .options = "  --cache DIR  folder it goes to (default data/cache)\n"
               "  --quiet      no progress\n",
    .list = list_corpora,
    .run = fetch_main,
};
