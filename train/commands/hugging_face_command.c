/* Owns: the commands `export` and `import`: a checkpoint as a folder in Hugging Face's form or a file of
 * llm.c's, and back. Does not own: the forms (train/checkpoint/hugging_face.h, llmc.h). */
#include "data/base/files.h"
#include "data/base/text.h"
#include "data/data.h"
#include "data/own_tokenizer.h"
#include "train/checkpoint/find_model.h"
#include "train/checkpoint/hugging_face.h"
#include "train/checkpoint/hugging_face_classes.h"
#include "train/checkpoint/llmc.h"
#include "train/commands/command.h"
#include "train/embedded_files.h"
#include "train/store/model_card.h"

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

/* Beside tokenizer.json, how it is used: by no class of its own, and special tokens' names in a text are
 * text.
 */
static bool write_tokenizer(const char *folder, const Config *c, const Dataset *d, Error *e) {
    bool bpe = c->data.tokenizer == TOKENIZER_BPE;
    const HuggingFaceClass *class = hugging_face_class_for(c, e);
    if (!class) return false;
    Path rules = path_of(
        "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n  \"bos_token\": \"<s>\",\n%s%s"
        "  \"split_special_tokens\": true,\n  \"clean_up_tokenization_spaces\": false,\n"
        "  \"model_max_length\": %lld\n}\n",
        bpe ? "  \"eos_token\": \"</s>\",\n  \"unk_token\": \"<unk>\",\n" : "",
        class->own_tokens
            ? "  \"auto_map\": {\"AutoTokenizer\": [null, \"tokenization_sinklab.SinklabTokenizer\"]},\n"
            : "",
        (long long)c->model.context);
    return (!class->own_tokens ||
            file_write(path_of("%s/tokenization_sinklab.py", folder).s, tokenization_sinklab_py,
                       (int64_t)tokenization_sinklab_py_length, e)) &&
           dataset_tokenizer_json(d, folder, e) &&
           file_write(path_of("%s/tokenizer_config.json", folder).s, rules.s, (int64_t)strlen(rules.s), e);
}

/* What an exported model's text is encoded by: our own tokenizer, with the data it is of; or, of an imported
 * model, the one that it came with, if any. */
typedef struct Exported {
    Dataset *data; /* NULL: imported */
    char own[1024];
    Origin from;
    int32_t bos; /* -1: not known */
} Exported;

static bool open_exported(Exported *x, const char *checkpoint, const Config *c, const char *cache, Error *e) {
    Error none = {0};
    x->bos = -1;
    if (!checkpoint_own_tokenizer(checkpoint, x->own, e)) return false;
    if (*x->own) return true;
    if (!checkpoint_takes_text(checkpoint, &none))
        return none.code == EXIT_USAGE || fail(e, none.code, "%s", none.text);
    if (!dataset_open(&x->data, &c->data, cache, NULL, e) ||
        !checkpoint_fits_data(checkpoint, dataset_info(x->data), e))
        return false;
    x->from.corpus = dataset_info(x->data)->corpus_hash;
    x->from.tokenizer = dataset_info(x->data)->tokenizer_hash;
    x->bos = dataset_info(x->data)->bos;
    return true;
}

static bool export_tokenizer(const Exported *x, const char *folder, const Config *c, const char **what,
                             Error *e) {
    char hash[HASH_HEX];
    *what = ", with its tokenizer";
    if (*x->own) return own_tokenizer_copy(x->own, folder, hash, e);
    bool text = !data_is_task(&c->data) && c->data.tokenizer != TOKENIZER_IDS;
    if (x->data && text) return write_tokenizer(folder, c, x->data, e);
    *what = "";
    return true;
}

static bool is_llmc(const char *name) {
    return text_ends(name, ".bin");
}

/* One file, without a tokenizer: llm.c's is that of its texts. */
static bool export_to_file(const char *checkpoint, const char *file, bool quiet, Error *e) {
    Config c;
    Model *m = NULL;
    int64_t step;
    struct stat st;
    bool ok = !stat(file, &st) ? fail(e, EXIT_USAGE, "%s: is there already (give a new name)", file)
                               : checkpoint_open(checkpoint, &c, &m, &step, e) && llmc_export(file, &c, m, e);
    if (ok && !quiet)
        printf("%s: GPT-2 as llm.c has it, after %lld steps, without a tokenizer\n", file, (long long)step);
    model_free(m);
    return ok;
}

/* A model whose run is in no database at hand has no card: `none` says why. */
static bool write_card(const char *folder, const char *db, const char *key, int64_t step, const Config *c,
                       Error *none, Error *e) {
    return model_card_write(folder, db, key, step, c, none) || none->code == EXIT_USAGE ||
           fail(e, none->code, "%s", none->text);
}

typedef struct Exporting {
    const char *cache, *db;
    bool quiet;
} Exporting;

static bool export_to(const char *checkpoint, const char *folder, const Exporting *o, Error *e) {
    Config c;
    Model *m = NULL;
    int64_t step;
    char key[33];
    const char *class = NULL, *what;
    Path beside;
    Exported x = {.from = {key, "", CHECKPOINT_NO_TOKENIZER}};
    Error none = {0};
    bool ok = checkpoint_open(checkpoint, &c, &m, &step, e) && checkpoint_key(checkpoint, key, &step, e) &&
              open_exported(&x, checkpoint, &c, o->cache, e) && new_folder(folder, &beside, e);
    if (ok) {
        ok = hugging_face_export(beside.s, &c, m, x.bos, &x.from, step, &class, e) &&
             export_tokenizer(&x, beside.s, &c, &what, e) &&
             write_card(beside.s, o->db, key, step, &c, &none, e);
        ok = settle_folder(ok, &beside, folder, e);
        if (ok && !o->quiet)
            printf("%s: %s after %lld steps%s%s%s\n", folder, class, (long long)step, what,
                   none.code ? "; no README.md: " : ", README.md", none.text);
    }
    dataset_close(x.data);
    model_free(m);
    return ok;
}

/* Keeps the tokenizer of another's model beside its weights, so that text is never encoded by another one.
 * Without one, tokens are known by number alone: rows begin with nothing of ours. */
static bool take_tokenizer(const char *folder, const char *checkpoint, Config *c, Imported *from, Error *e) {
    if (from->ours && *from->tokenizer && strcmp(from->tokenizer, CHECKPOINT_NO_TOKENIZER)) return true;
    c->data.bos = BOS_NONE;
    if (!own_tokenizer_copy(folder, checkpoint, from->tokenizer, e)) return false;
    if (!*from->tokenizer) strcpy(from->tokenizer, CHECKPOINT_NO_TOKENIZER);
    return true;
}

static bool import_file(const char *file, Config *c, Model **m, Imported *from, Error *e) {
    *from = (Imported){.tokenizer = CHECKPOINT_NO_TOKENIZER};
    return llmc_import(file, c, m, e);
}

static bool import_from(const char *folder, const char *checkpoint, const TextList *ignored, bool quiet,
                        Error *e) {
    Config c;
    Model *m = NULL;
    Imported from;
    Path beside;
    bool file = llmc_is_file(folder);
    bool ok = (file ? import_file(folder, &c, &m, &from, e)
                    : hugging_face_import(folder, ignored, &c, &m, &from, e)) &&
              new_folder(checkpoint, &beside, e);
    if (ok) {
        ok = file || take_tokenizer(folder, beside.s, &c, &from, e);
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
    Exporting o = {"data/cache", "results.db", false};
    const Flag flags[] = {
        {"--cache", FLAG_TEXT, &o.cache}, {"--db", FLAG_TEXT, &o.db}, {"--quiet", FLAG_BOOL, &o.quiet}, {0}};
    int words;
    FoundModel found = {0};
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    if (words != 2) fail(e, EXIT_USAGE, "export: expected a CHECKPOINT and the DIR or FILE.bin it goes to");
    bool ok = words == 2 && find_model(argv[0], o.db, &found, e) &&
              (is_llmc(argv[1]) ? export_to_file(found.path, argv[1], o.quiet, e)
                                : export_to(found.path, argv[1], &o, e));
    found_model_free(&found);
    return ok ? EXIT_DONE : e->code;
}

static int import_main(int argc, char **argv, Error *e) {
    bool quiet = false;
    TextList ignored = {0};
    const Flag flags[] = {{"--ignore", FLAG_LIST, &ignored}, {"--quiet", FLAG_BOOL, &quiet}, {0}};
    int words;
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    if (words != 2) fail(e, EXIT_USAGE, "import: expected a DIR or FILE.bin and the CHECKPOINT it goes to");
    return words == 2 && import_from(argv[0], argv[1], &ignored, quiet, e) ? EXIT_DONE : e->code;
}

const Command export_command = {
    .name = "export",
    .usage = "CHECKPOINT|RUN DIR|FILE.bin",
    .summary = "a checkpoint as a folder that transformers loads, or as a file of llm.c's",
    .options =
        "  --cache DIR  prepared tokens, for the tokenizer (default data/cache)\n"
        "  --db PATH    where RUN, the start of a run's key, is looked for (its newest checkpoint), and the\n"
        "               figures of README.md (default results.db)\n"
        "  --quiet      no words\n",
    .run = export_main,
};

const Command import_command = {
    .name = "import",
    .usage = "DIR|FILE.bin CHECKPOINT",
    .summary = "weights from a Hugging Face folder or llm.c's file, to probe or start from (train.init_from)",
    .options =
        "  --ignore FIELD  a field of config.json that is not understood changes nothing; may be repeated\n"
        "  --quiet         no words\n",
    .run = import_main,
};
