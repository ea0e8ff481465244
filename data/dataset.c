/* Owns: data/data.h: one face for all kinds of source, a text and the synthetic tasks, each a row of
 * functions. */
#include "data/data.h"

#include "data/backcopy.h"
#include "data/base/rng.h"
#include "data/cache.h"
#include "data/labels.h"
#include "data/rows.h"
#include "data/shards.h"
#include "data/tokenizer_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char DEFAULT_TEXT[] = "gcide";

typedef struct Source {
    const char *name; /* of a task, the beginning of data.source; NULL: a text */
    int64_t vocab;    /* of a task */
    bool (*open)(Dataset *d, const char *cache_dir, void (*say)(const char *line), Error *e);
    void (*train_row)(const Dataset *d, uint64_t seed, int64_t number, int T, int row, Rows *out);
    int64_t (*epoch_rows)(const Dataset *d, int T);
    int64_t (*heldout_rows)(const Dataset *d, int T);
    void (*heldout_row)(const Dataset *d, int64_t number, int T, int row, Rows *out);
    int64_t (*probe_choice)(const Dataset *d, int T); /* rows that a probe may draw from */
    void (*probe_row)(const Dataset *d, int64_t number, int T, bool bos, int row, Rows *out);
    bool (*encode)(const Dataset *d, const char *text, int64_t length, Tokens *t, Error *e);
    bool (*decode)(const Dataset *d, const int32_t *tokens, int64_t n, Bytes *out, Error *e);
} Source;

struct Dataset {
    DataConfig config;
    DatasetInfo info;
    const Source *source;
    Codec *codec;    /* of `tokens`; NULL for a task */
    TokenSet tokens; /* a text */
    Stream train, heldout;
    Stream plain; /* held-out text without any BOS, so that probes are the same text for every policy */
    Backcopy backcopy;
    const LabelTask *label;
};

static const char *const bos_policies[] = {
    [BOS_ROW] = "row", [BOS_DOCUMENT] = "document", [BOS_NONE] = "none", [BOS_RANDOM_FIRST] = "random_first"};
static const char *const mask_policies[] = {[MASK_CAUSAL] = "causal", [MASK_DOCUMENT] = "document"};
_Static_assert(sizeof bos_policies / sizeof *bos_policies == BOS_POLICIES, "a name for each policy");
_Static_assert(sizeof mask_policies / sizeof *mask_policies == MASK_POLICIES, "a name for each policy");

const char *bos_policy_name(int i) {
    return i >= 0 && i < BOS_POLICIES ? bos_policies[i] : NULL;
}
const char *mask_policy_name(int i) {
    return i >= 0 && i < MASK_POLICIES ? mask_policies[i] : NULL;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* ---- a text ------------------------------------------------------------------------------- */

static Stream stream_of(const Dataset *d, const TokenPart *p, int bos) {
    Stream s = {.token = p->token,
                .start = p->start,
                .documents = p->documents,
                .mask = d->config.mask,
                .deal = d->config.deal,
                .bos = bos,
                .bos_id = d->tokens.codec.pieces.bos};
    s.length = stream_length(&s);
    return s;
}

static double heldout_bytes(const TokenSet *t) {
    int64_t bytes = 0;
    for (int64_t i = 0; i < t->heldout.tokens; i++)
        bytes += t->codec.pieces.piece[t->heldout.token[i]].length;
    return (double)bytes;
}

static bool text_open(Dataset *d, const char *cache_dir, void (*say)(const char *line), Error *e) {
    TokenSet *t = &d->tokens;
    if (!tokens_open(t, &d->config, cache_dir, say, e)) return false;
    d->codec = &t->codec;
    d->train = stream_of(d, &t->train, d->config.bos);
    d->heldout = stream_of(d, &t->heldout, d->config.bos);
    d->plain = stream_of(d, &t->heldout, BOS_NONE);
    if (d->config.limit) d->train.length = smaller(d->train.length, d->config.limit);
    DatasetInfo *info = &d->info;
    info->vocab = t->codec.pieces.count;
    info->bos = t->codec.pieces.bos;
    info->train_tokens = d->train.length;
    info->heldout_tokens = d->heldout.length;
    info->train_documents = stream_documents(&d->train);
    bool text = d->config.tokenizer != TOKENIZER_IDS;
    info->bytes_per_token = text ? heldout_bytes(t) / (double)t->heldout.tokens : NAN;
    if (d->config.bos == BOS_DOCUMENT && t->train.documents < 2)
        return fail(e, EXIT_USAGE,
                    "data.bos: document: %s is one document (use row, or a source with several)",
                    d->config.source);
    if (d->config.mask == MASK_DOCUMENT && info->train_documents < 2 && t->heldout.documents < 2)
        return fail(
            e, EXIT_USAGE, /* two equal runs would be compared */
            "data.mask: document: no row of %s reaches a second document, so this is the causal mask (use "
            "causal, or a source with several)",
            d->config.source);
    info->mean_document = (double)t->train.tokens / (double)t->train.documents;
    info->oracle_trigger = info->oracle_other = NAN;
    snprintf(info->tokenizer_hash, sizeof info->tokenizer_hash, "%s", t->codec.hash);
    return true;
}

static void text_train_row(const Dataset *d, uint64_t seed, int64_t number, int T, int row, Rows *out) {
    stream_row(&d->train, stream_shuffled(&d->train, seed, number, T), T, d->train.bos == BOS_ROW, row, out);
}

static int64_t text_epoch_rows(const Dataset *d, int T) {
    return stream_epoch_rows(&d->train, T);
}
static int64_t text_heldout_rows(const Dataset *d, int T) {
    return stream_rows(&d->heldout, T);
}

static void text_heldout_row(const Dataset *d, int64_t number, int T, int row, Rows *out) {
    stream_row(&d->heldout, number * T, T, d->heldout.bos == BOS_ROW, row, out);
}

static int64_t text_probe_choice(const Dataset *d, int T) {
    return stream_rows(&d->plain, T);
}

static void text_probe_row(const Dataset *d, int64_t number, int T, bool bos, int row, Rows *out) {
    stream_row(&d->plain, number * T, T, bos, row, out);
}

static bool encode_text(const Dataset *d, const char *text, int64_t length, Tokens *t, Error *e) {
    Path scratch;
    if (!folder_scratch("tokenizer", &scratch, e)) return false;
    bool ok = codec_encode(d->codec, scratch.s, text, &(Span){0, length}, 1, t, NULL, e);
    folder_remove(scratch.s);
    return ok;
}

static bool decode_text(const Dataset *d, const int32_t *tokens, int64_t n, Bytes *out, Error *e) {
    return codec_decode(d->codec, tokens, n, out, e);
}

/* ---- tasks ---------------------------------------------------------------------------------- */

/* What the info of every task says; the hash of its symbols stands for a tokenizer's. */
static void task_info(Dataset *d, int64_t heldout, int32_t bos, const void *symbols, size_t n) {
    DatasetInfo *info = &d->info;
    info->vocab = d->source->vocab;
    info->bos = bos;
    info->train_tokens = d->config.limit ? d->config.limit : INT64_MAX;
    info->heldout_tokens = heldout;
    info->bytes_per_token = 1;
    info->mean_document = NAN;
    info->classes = true;
    hash_hex(symbols, n, info->tokenizer_hash);
}

static int64_t task_epoch_rows(const Dataset *d, int T) {
    return d->info.train_tokens / T;
}

static int64_t task_heldout_rows(const Dataset *d, int T) {
    return d->info.heldout_tokens / T;
}

/* ---- Bigram-Backcopy ---- */

static bool backcopy_source(Dataset *d, const char *cache_dir, void (*say)(const char *line), Error *e) {
    const char *rest = d->config.source + strlen(d->source->name);
    const char *text = *rest == ':' ? rest + 1 : DEFAULT_TEXT;
    if (!backcopy_open(&d->backcopy, &d->tokens.entry, text, cache_dir, say, e)) return false;
    task_info(d, BACKCOPY_HELDOUT, BACKCOPY_BOS, d->backcopy.symbol, sizeof d->backcopy.symbol);
    d->info.oracle_other = d->backcopy.oracle_other;
    return true;
}

static void backcopy_train(const Dataset *d, uint64_t seed, int64_t number, int T, int row, Rows *out) {
    backcopy_train_row(&d->backcopy, seed, number % task_epoch_rows(d, T), T, row, out);
}

static void backcopy_heldout(const Dataset *d, int64_t number, int T, int row, Rows *out) {
    backcopy_heldout_row(&d->backcopy, number, T, true, row, out);
}

static void backcopy_probe(const Dataset *d, int64_t number, int T, bool bos, int row, Rows *out) {
    backcopy_heldout_row(&d->backcopy, number, T, bos, row, out);
}

static bool encode_symbols(const Dataset *d, const char *text, int64_t length, Tokens *t, Error *e) {
    bool ok = true;
    for (int64_t i = 0; ok && i < length; i++)
        ok = tokens_push(t, d->backcopy.symbol[(unsigned char)text[i]], e);
    return ok;
}

static bool decode_symbols(const Dataset *d, const int32_t *tokens, int64_t n, Bytes *out, Error *e) {
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++)
        if (tokens[i] >= 0 && tokens[i] < BACKCOPY_SYMBOLS)
            ok = bytes_append(out, &d->backcopy.byte[tokens[i]], 1, e);
    return ok;
}

/* ---- tasks with labels ---- */

static bool label_source(Dataset *d, const char *cache_dir, void (*say)(const char *line), Error *e) {
    (void)cache_dir, (void)say, (void)e;
    const LabelTask *k = d->label = label_task(d->config.source);
    CacheEntry *entry = &d->tokens.entry;
    task_info(d, LABELS_HELDOUT, label_bos(k), k->symbols, strlen(k->symbols));
    d->info.bytes_per_token = NAN; /* its targets are labels, no text */
    d->info.oracle_trigger = label_oracle(k, d->config.noop);
    hash_hex(k->name, strlen(k->name), entry->corpus_hash);
    strcpy(entry->licence, "none: made as it is read");
    return true;
}

static void label_train(const Dataset *d, uint64_t seed, int64_t number, int T, int row, Rows *out) {
    label_train_row(d->label, d->config.noop, seed, number % task_epoch_rows(d, T), T, row, out);
}

static void label_heldout(const Dataset *d, int64_t number, int T, int row, Rows *out) {
    label_heldout_row(d->label, d->config.noop, number, T, true, row, out);
}

static void label_probe(const Dataset *d, int64_t number, int T, bool bos, int row, Rows *out) {
    label_heldout_row(d->label, d->config.noop, number, T, bos, row, out);
}

static bool label_encode(const Dataset *d, const char *text, int64_t length, Tokens *t, Error *e) {
    (void)text, (void)length, (void)t;
    return fail(e, EXIT_USAGE,
                "data.source: %s: its targets are labels, not the text's next tokens (no text is "
                "taken: a prompt, --text and --sentence are for texts)",
                d->config.source);
}

static bool label_decode(const Dataset *d, const int32_t *tokens, int64_t n, Bytes *out, Error *e) {
    bool ok = true;
    for (int64_t i = 0; ok && i < n; i++)
        if (tokens[i] >= 0 && tokens[i] < d->info.bos)
            ok = bytes_append(out, &d->label->symbols[tokens[i]], 1, e);
    return ok;
}

/* ---- data.h ------------------------------------------------------------------------------- */

#define LABEL(name, vocab)                                                                                   \
    {                                                                                                        \
        name, vocab, label_source, label_train, task_epoch_rows, task_heldout_rows, label_heldout,           \
            task_heldout_rows, label_probe, label_encode, label_decode                                       \
    }

static const Source text_source = {NULL,
                                   0,
                                   text_open,
                                   text_train_row,
                                   text_epoch_rows,
                                   text_heldout_rows,
                                   text_heldout_row,
                                   text_probe_choice,
                                   text_probe_row,
                                   encode_text,
                                   decode_text};
static const Source tasks[] = {
    {"bigram_backcopy", BACKCOPY_VOCAB, backcopy_source, backcopy_train, task_epoch_rows, task_heldout_rows,
     backcopy_heldout, task_heldout_rows, backcopy_probe, encode_symbols, decode_symbols},
    LABEL("trigger_mean", MEAN_VOCAB),
    LABEL("retrieval", RETRIEVAL_VOCAB),
};
enum { TASKS = sizeof tasks / sizeof *tasks };

/* Bigram-Backcopy alone is made from a text: NAME:SOURCE. */
static const Source *source_named(const char *name) {
    for (int i = 0; i < TASKS; i++) {
        size_t n = strlen(tasks[i].name);
        if (!strncmp(name, tasks[i].name, n) && (!name[n] || (name[n] == ':' && !label_task(tasks[i].name))))
            return &tasks[i];
    }
    return &text_source;
}

bool data_is_task(const DataConfig *c) {
    return source_named(c->source)->name;
}

bool data_has_noops(const DataConfig *c) {
    const LabelTask *k = label_task(c->source);
    return k && k->noops;
}

int64_t data_shortest_row(const DataConfig *c) {
    const LabelTask *k = label_task(c->source);
    return k ? k->shortest : 1;
}

int64_t data_vocab(const DataConfig *c) {
    const Source *task = source_named(c->source);
    if (task->name) return task->vocab;
    return c->tokenizer == TOKENIZER_BYTES ? BYTES_VOCAB : c->vocab; /* bpe learns as many as it is asked */
}

bool dataset_open(Dataset **out, const DataConfig *c, const char *cache_dir, void (*say)(const char *line),
                  Error *e) {
    *out = NULL;
    if (c->limit < 0)
        return fail(e, EXIT_USAGE, "data.limit: %lld: must not be negative", (long long)c->limit);
    Dataset *d = calloc(1, sizeof *d);
    if (!d) return fail(e, EXIT_FAILED, "memory: data set: none left");
    d->config = *c;
    d->source = source_named(c->source);
    if (!d->source->open(d, cache_dir, say, e)) {
        dataset_close(d);
        return false;
    }
    const CacheEntry *entry = &d->tokens.entry;
    snprintf(d->info.corpus_hash, sizeof d->info.corpus_hash, "%s", entry->corpus_hash);
    snprintf(d->info.licence, sizeof d->info.licence, "%s", entry->licence);
    snprintf(d->info.note, sizeof d->info.note, "%s", entry->note);
    snprintf(d->info.path, sizeof d->info.path, "%.*s", (int)sizeof d->info.path - 1, entry->folder.s);
    *out = d;
    return true;
}

void dataset_close(Dataset *d) {
    if (!d) return;
    tokens_close(&d->tokens);
    free(d);
}

const DatasetInfo *dataset_info(const Dataset *d) {
    return &d->info;
}

bool dataset_check(const Dataset *d, int T, int64_t rows_per_step, Error *e) {
    int64_t rows = d->source->epoch_rows(d, T), heldout = d->source->heldout_rows(d, T);
    if (rows < 1)
        return fail(
            e, EXIT_USAGE,
            "data: %s: %lld tokens to train on are too few for rows of %d (at least %lld; a longer text, or "
            "a smaller model.context)",
            d->config.source, (long long)d->info.train_tokens, T, (long long)stream_block_size(T) + 1);
    if (rows < rows_per_step)
        return fail(
            e, EXIT_USAGE,
            "data: %s: %lld rows of %d are fewer than the %lld of one step (a longer text, or a smaller "
            "train.batch_tokens)",
            d->config.source, (long long)rows, T, (long long)rows_per_step);
    if (heldout < 1)
        return fail(e, EXIT_USAGE,
                    "data: %s: %lld held-out tokens are too few for a row of %d (a longer text)",
                    d->config.source, (long long)d->info.heldout_tokens, T);
    return true;
}

/* Puts the token of data.fixed_token_at into a row of any source; targets stay as they are. */
static void put_fixed_token(const Dataset *d, int T, int row, Rows *out) {
    int64_t at = d->config.fixed_token_at;
    if (at >= 0 && at < T) out->x[(int64_t)row * T + at] = d->info.bos;
}

void dataset_train_rows(const Dataset *d, uint64_t seed, int64_t first, int rows, int T, Rows *out) {
    for (int i = 0; i < rows; i++) {
        uint64_t number = (uint64_t)(first + i), vocab = (uint64_t)d->info.vocab;
        d->source->train_row(d, seed, first + i, T, i, out);
        if (d->config.bos == BOS_RANDOM_FIRST)
            out->x[(int64_t)i * T] = (int32_t)rng_below(seed, RNG_ROW, number, 0, vocab);
        put_fixed_token(d, T, i, out);
    }
}

int64_t dataset_heldout_rows(const Dataset *d, int T) {
    return d->source->heldout_rows(d, T);
}

void dataset_heldout_rows_get(const Dataset *d, int64_t first, int rows, int T, Rows *out) {
    for (int i = 0; i < rows; i++) {
        d->source->heldout_row(d, first + i, T, i, out);
        put_fixed_token(d, T, i, out);
    }
}

int64_t dataset_plain_rows(const Dataset *d, int T) {
    return d->source->probe_choice(d, T);
}

void dataset_plain_row(const Dataset *d, int64_t number, int T, bool bos, Rows *out) {
    d->source->probe_row(d, number, T, bos, 0, out);
    put_fixed_token(d, T, 0, out);
}

bool dataset_probe_rows(const Dataset *d, uint64_t seed, int probe, int rows, int T, bool bos, Rows *out,
                        Error *e) {
    int64_t choice = d->source->probe_choice(d, T);
    if (choice < rows)
        return fail(e, EXIT_USAGE,
                    "data: %s: a probe of %d rows of %d needs more held-out text than its %lld rows",
                    d->config.source, rows, T, (long long)choice);
    for (int i = 0; i < rows; i++) {
        uint64_t number = rng_permute(seed, RNG_PROBE, (uint64_t)probe, (uint64_t)i, (uint64_t)choice);
        d->source->probe_row(d, (int64_t)number, T, bos, i, out);
        put_fixed_token(d, T, i, out);
    }
    return true;
}

bool dataset_encode(const Dataset *d, const char *text, size_t length, int32_t **tokens, int64_t *n,
                    Error *e) {
    Tokens t = {0};
    *tokens = NULL;
    if (d->codec && d->config.tokenizer == TOKENIZER_IDS)
        return fail(e, EXIT_USAGE,
                    "data.tokenizer: ids: a text has no tokens of it (probe --ids FILE takes numbers)");
    bool ok = d->source->encode(d, text, (int64_t)length, &t, e) &&
              memory_grow((void **)tokens, t.n, sizeof **tokens, e);
    for (int64_t i = 0; ok && i < t.n; i++) (*tokens)[i] = t.id[i];
    *n = t.n;
    free(t.id);
    return ok;
}

bool dataset_decode(const Dataset *d, const int32_t *tokens, int64_t n, char **text, Error *e) {
    Bytes out = {0};
    bool ok = d->source->decode(d, tokens, n, &out, e) && bytes_append(&out, "", 1, e);
    if (!ok) bytes_free(&out);
    *text = out.data;
    return ok;
}

bool dataset_tokenizer_json(const Dataset *d, const char *folder, Error *e) {
    bool bos = d->config.bos == BOS_ROW || d->config.bos == BOS_DOCUMENT;
    return tokenizer_json_write(d->codec, bos, folder, e);
}

bool dataset_shards(const Dataset *d, const char *folder, Error *e) {
    if (!d->codec)
        return fail(e, EXIT_USAGE,
                    "data.source: %s: is made as it is read, without end (shards are of a text)",
                    d->config.source);
    return shards_write(&d->train, folder, "train", SHARD_TOKENS, e) &&
           shards_write(&d->heldout, folder, "val", SHARD_TOKENS, e);
}
