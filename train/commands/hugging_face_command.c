/* Owns: the commands `export` and `import`: a checkpoint as a folder in Hugging Face's form, and back.
 * Does not own: the form (train/checkpoint/hugging_face.h). */
#include "data/base/files.h"
#include "data/base/text.h"
#include "data/data.h"
#include "train/checkpoint/find_model.h"
#include "train/checkpoint/hugging_face.h"
#include "train/commands/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens a folder beside the one that is to be: what is killed half-way leaves nothing of that name. */
static bool new_folder(const char *folder, Path *beside, Error *e) {
    struct stat st;
    if (!stat(folder, &st))
        return fail(e, EXIT_USAGE, "%s: is there already (give the name of a new folder)", folder);
    int length = (int)strlen(folder);
    while (length > 1 && folder[length - 1] == '/') length--;
    *beside = path_of("%.*s.%d.part", length, folder, (int)getpid());
    return folder_make(beside->s, e);
}

/* Gives it its name if all of it is there, else removes it. */
static bool settle_folder(bool ok, const Path *beside, const char *folder, Error *e) {
    ok = ok && folder_sync(beside->s, e);
    if (ok && rename(beside->s, folder)) ok = fail(e, exit_code_of(errno), "%s: %s", folder, strerror(errno));
    if (!ok) folder_remove(beside->s);
    return ok;
}

/* SentencePiece's model is a standard file; the few lines beside it say how it is used. */
static bool write_tokenizer(const char *folder, const Config *c, const Dataset *d, Error *e) {
    Bytes model = {0};
    char *text = NULL;
    size_t length = 0;
    FILE *out = text_open(&text, &length);
    bool bos = c->data.bos == BOS_ROW || c->data.bos == BOS_DOCUMENT;
    fprintf(out,
            "{\n  \"tokenizer_class\": \"LlamaTokenizer\",\n  \"bos_token\": \"<s>\",\n  \"eos_token\": "
            "\"</s>\",\n"
            "  \"unk_token\": \"<unk>\",\n  \"add_bos_token\": %s,\n  \"add_eos_token\": false,\n"
            "  \"model_max_length\": %lld\n}\n",
            bos ? "true" : "false", (long long)c->model.context);
    fclose(out);
    bool ok = file_read(path_of("%s/tokenizer.model", dataset_info(d)->path).s, &model, e) &&
              file_write(path_of("%s/tokenizer.model", folder).s, model.data, model.size, e) &&
              file_write(path_of("%s/tokenizer_config.json", folder).s, text, (int64_t)length, e);
    bytes_free(&model);
    free(text);
    return ok;
}

static bool export_to(const char *checkpoint, const char *folder, const char *cache, bool quiet, Error *e) {
    Config c;
    Model *m = NULL;
    Dataset *d = NULL;
    int64_t step;
    char key[33];
    const char *class = NULL;
    Path beside;
    bool ok = checkpoint_open(checkpoint, &c, &m, &step, e) && checkpoint_key(checkpoint, key, &step, e) &&
              checkpoint_takes_text(checkpoint, e) && dataset_open(&d, &c.data, cache, NULL, e) &&
              checkpoint_fits_data(checkpoint, dataset_info(d), e) && new_folder(folder, &beside, e);
    if (ok) {
        Origin from = {key, dataset_info(d)->corpus_hash, dataset_info(d)->tokenizer_hash};
        bool bpe = c.data.tokenizer == TOKENIZER_BPE &&
                   access(path_of("%s/tokenizer.model", dataset_info(d)->path).s, R_OK) == 0;
        ok = hugging_face_export(beside.s, &c, m, dataset_info(d)->bos, &from, step, &class, e) &&
             (!bpe || write_tokenizer(beside.s, &c, d, e));
        ok = settle_folder(ok, &beside, folder, e);
        if (ok && !quiet)
            printf("%s: %s after %lld steps%s\n", folder, class, (long long)step,
                   bpe ? ", with its tokenizer" : "");
    }
    dataset_close(d);
    model_free(m);
    return ok;
}

/* Keeps the tokenizer of another's model beside its weights, so that text is never encoded by another one.
 * Without one, tokens are known by number alone: rows begin with nothing of ours. */
static bool take_tokenizer(const char *folder, const char *checkpoint, Config *c, Imported *from, Error *e) {
    Bytes model = {0};
    Path own = path_of("%s/tokenizer.model", folder);
    if (from->ours) return true;
    c->data.bos = BOS_NONE;
    strcpy(from->tokenizer, CHECKPOINT_NO_TOKENIZER);
    if (access(own.s, F_OK)) return true;
    bool ok = file_read(own.s, &model, e) &&
              file_write(path_of("%s/tokenizer.model", checkpoint).s, model.data, model.size, e);
    if (ok) hash_hex(model.data, model.size, from->tokenizer);
    bytes_free(&model);
    return ok;
}

static bool import_from(const char *folder, const char *checkpoint, const TextList *ignored, bool quiet,
                        Error *e) {
    Config c;
    Model *m = NULL;
    Imported from;
    Path beside;
    bool ok = hugging_face_import(folder, ignored, &c, &m, &from, e) && new_folder(checkpoint, &beside, e);
    if (ok) {
        ok = take_tokenizer(folder, beside.s, &c, &from, e);
        Origin origin = {"", from.corpus, from.tokenizer};
        ok = ok && checkpoint_save_weights(beside.s, from.step, &c, &origin, m, e);
        ok = settle_folder(ok, &beside, checkpoint, e);
    }
    if (ok && !quiet)
        printf("%s: %.2f M parameters%s\n", checkpoint, (double)m->parameters * 1e-6,
               strcmp(from.tokenizer, CHECKPOINT_NO_TOKENIZER) ? ""
                                                               : ", without a tokenizer (probe --ids FILE)");
    model_free(m);
    return ok;
}

static int export_main(int argc, char **argv, Error *e) {
    const char *cache = "data/cache", *db = "results.db";
    bool quiet = false;
    const Flag flags[] = {
        {"--cache", FLAG_TEXT, &cache}, {"--db", FLAG_TEXT, &db}, {"--quiet", FLAG_BOOL, &quiet}, {0}};
    int words;
    FoundModel found = {0};
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    if (words != 2) fail(e, EXIT_USAGE, "export: expected a CHECKPOINT and the DIR it goes to");
    bool ok =
        words == 2 && find_model(argv[0], db, &found, e) && export_to(found.path, argv[1], cache, quiet, e);
    found_model_free(&found);
    return ok ? EXIT_DONE : e->code;
}

static int import_main(int argc, char **argv, Error *e) {
    bool quiet = false;
    TextList ignored = {0};
    const Flag flags[] = {{"--ignore", FLAG_LIST, &ignored}, {"--quiet", FLAG_BOOL, &quiet}, {0}};
    int words;
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    if (words != 2) fail(e, EXIT_USAGE, "import: expected a DIR and the CHECKPOINT it goes to");
    return words == 2 && import_from(argv[0], argv[1], &ignored, quiet, e) ? EXIT_DONE : e->code;
}

const Command export_command = {
    .name = "export",
    .usage = "CHECKPOINT|RUN DIR",
    .summary = "a checkpoint as a Hugging Face folder: Llama, Mistral, Qwen3 or GPT-2 where it is one",
    .options =
        "  --cache DIR  prepared tokens, for the tokenizer (default data/cache)\n"
        "  --db PATH    where RUN, the start of a run's key, is looked for (default results.db): its newest\n"
        "               checkpoint\n"
        "  --quiet      no words\n",
    .run = export_main,
};

const Command import_command = {
    .name = "import",
    .usage = "DIR CHECKPOINT",
    .summary = "weights from a Hugging Face folder, to probe or to start from (train.init_from)",
    .options =
        "  --ignore FIELD  a field of config.json that is not understood changes nothing; may be repeated\n"
        "  --quiet         no words\n",
    .run = import_main,
};
