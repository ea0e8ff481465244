/* Owns: what the rest of the program may ask of a text once it is tokens: its
 * vocabulary, rows of T+1 tokens for training, held-out rows, where documents begin.
 * Does not own: models, YAML, SQL. Which text a row holds depends on (seed, token
 * index) alone, so that variants of one seed see the same text at the same step; so do
 * contexts that divide DATA_BLOCK while data.deal is 1, and else within the same deal. */
#ifndef SINKLAB_DATA_H
#define SINKLAB_DATA_H

#include "data/base/error.h"

#include <stddef.h>
#include <stdint.h>

enum { DATA_BLOCK = 2048 }; /* tokens that stay together when the text is shuffled */

/* TOKENIZER_IDS: the source is files of tokens, whose text is not known. */
typedef enum Tokenizer { TOKENIZER_BPE, TOKENIZER_BYTES, TOKENIZER_IDS, TOKENIZERS } Tokenizer;
/* BOS_RANDOM_FIRST: a random token in place of x_0 of a training row, so that nothing marks position 0
 * but its place (arXiv 2410.10781). */
typedef enum BosPolicy { BOS_ROW, BOS_DOCUMENT, BOS_NONE, BOS_RANDOM_FIRST, BOS_POLICIES } BosPolicy;
typedef enum MaskPolicy { MASK_CAUSAL, MASK_DOCUMENT, MASK_POLICIES } MaskPolicy;
const char *tokenizer_name(int i); /* NULL past the end, as all such lists */
const char *bos_policy_name(int i);
const char *mask_policy_name(int i);

/* What a task makes of a token: a trigger asks for something (of retrieval: a query), a no-op for nothing. */
typedef enum TokenClass { CLASS_OTHER, CLASS_TRIGGER, CLASS_NOOP, TOKEN_CLASSES } TokenClass;

typedef struct DataConfig {
    char source[512]; /* a named corpus | a task (data_is_task) | path of a file or folder */
    int64_t limit;    /* train on the first `limit` tokens of the stream only; 0 = all */
    int tokenizer;    /* Tokenizer */
    int64_t vocab;    /* pieces asked of bpe; of ids, how many there are */
    int64_t eot;      /* of ids, the token that begins a document, and so BOS */
    int bos;          /* BosPolicy */
    int mask;         /* MaskPolicy */
    int64_t deal;     /* blocks whose rows are dealt out together, at random; 1 (or 0): a block's rows stay
                         together and in order */
    int64_t fixed_token_at; /* this position of every row holds BOS, held-out rows and probes too; -1: none */
    char heldout[512];  /* a source of its own for the held-out text; "": a part of `source` is held out */
    char separator[64]; /* what stands between the documents of a file; "": a file is one */
    double noop;        /* retrieval: share of no-ops among the scored positions */
} DataConfig;

/* A batch of rows as the model takes it. All arrays are [rows][T], the caller's memory. */
typedef struct Rows {
    int32_t *x;         /* input tokens */
    int32_t *y;         /* target tokens; -1: not scored */
    int32_t *doc_start; /* first position of the row that position t may attend to: 0 under the
                    causal mask, the start of t's document under the document mask */
    int8_t *kind;       /* TokenClass of the input token where the task has classes
                           (DatasetInfo.classes), else 0; may be NULL */
} Rows;

/* Whether the source is a synthetic task, whose rows have a shape, symbols and no documents of their own. */
bool data_is_task(const DataConfig *c);
/* Whether data.noop says something. */
bool data_has_noops(const DataConfig *c);
/* Tokens of the shortest row that has a target. */
int64_t data_shortest_row(const DataConfig *c);
/* Tokens that its data will have, 0 .. vocab - 1, before there is any. */
int64_t data_vocab(const DataConfig *c);

typedef struct Dataset Dataset;

/* Opens the tokens of a source, preparing and caching them under cache_dir first if need
 * be (atomically: a cut preparation leaves nothing). Never touches the network: a corpus
 * that is not there is an error naming the command that gets it. `say` (may be NULL)
 * receives one line a stage while it prepares. */
bool dataset_open(Dataset **out, const DataConfig *c, const char *cache_dir, void (*say)(const char *line),
                  Error *e);
void dataset_close(Dataset *d);

typedef struct DatasetInfo {
    int64_t vocab;        /* token ids are 0 .. vocab-1 */
    int32_t bos;          /* id of BOS */
    int64_t train_tokens; /* of the training stream after limit, the BOS of data.bos: document counted;
                             INT64_MAX for a task without limit, which never ends */
    int64_t heldout_tokens;
    int64_t train_documents; /* that begin before the limit; 0 for a task */
    double bytes_per_token; /* of the held-out text: nats / (ln 2 * this) = bits per byte; NAN: ids, labels */
    double mean_document;   /* tokens of a training document (no BOS, no limit); NAN: a task */
    char corpus_hash[33];   /* 32 hex digits (XXH3-128) of the text and of what of it is held out */
    char tokenizer_hash[33];
    bool classes;          /* whether Rows.kind tells classes of tokens apart */
    char licence[128];     /* one line: "GPL-2+ (gcide 0.48.5)" or "unknown" */
    char note[256];        /* one line that counts what was left out of the text; "": nothing */
    char path[512];        /* folder of what was prepared: holds tokenizer.model for bpe */
    double oracle_trigger; /* a task: mean entropy in nats of the true conditional of the target where the */
    double oracle_other;   /* input is a trigger, and elsewhere, over held-out rows of 256; NAN: a text */
} DatasetInfo;
const DatasetInfo *dataset_info(const Dataset *d);

/* Whether there is at least one block of training text (DATA_BLOCK tokens and one more, or more if
 * T is larger), one step of rows_per_step rows and one held-out row; else an error (EXIT_USAGE). To
 * be asked before any rows are. */
bool dataset_check(const Dataset *d, int T, int64_t rows_per_step, Error *e);

/* Rows first .. first+rows-1 of the training stream of `seed`, T tokens each. Row i of
 * step s is row s * rows_per_step + i (s from 0). Pure: any order, any number of threads. */
void dataset_train_rows(const Dataset *d, uint64_t seed, int64_t first, int rows, int T, Rows *out);

/* Held-out rows first .. of the fixed held-out set, in stream order, not depending on the
 * seed; the caller keeps within dataset_heldout_rows(d, T). */
int64_t dataset_heldout_rows(const Dataset *d, int T);
void dataset_heldout_rows_get(const Dataset *d, int64_t first, int rows, int T, Rows *out);

/* n distinct held-out rows drawn by (seed, probe): the fixed sets of the probes. `bos` says
 * whether position 0 holds BOS (independent of the training policy, for `other_bos`). No other
 * position does, so the probes of a seed are the same text for every policy. */
bool dataset_probe_rows(const Dataset *d, uint64_t seed, int probe, int rows, int T, bool bos, Rows *out,
                        Error *e);

/* The rows that probes are drawn from, by number, in stream order. */
int64_t dataset_plain_rows(const Dataset *d, int T);
void dataset_plain_row(const Dataset *d, int64_t number, int T, bool bos, Rows *out);

/* Text <-> tokens with the dataset's tokenizer (no BOS added). Encoding returns a malloc'ed
 * array; decoding a malloc'ed NUL-terminated string. Encoding bpe runs spm_encode; decoding
 * runs nothing, and a piece may end within a character. A task whose targets are labels (data/labels.h) takes
 * no text: EXIT_USAGE. */
bool dataset_encode(const Dataset *d, const char *text, size_t length, int32_t **tokens, int64_t *n,
                    Error *e);
bool dataset_decode(const Dataset *d, const int32_t *tokens, int64_t n, char **text, Error *e);

/* Writes a text's tokenizer as folder/tokenizer.json (data/tokenizer_json.h), with BOS where rows begin with
 * it.
 */
bool dataset_tokenizer_json(const Dataset *d, const char *folder, Error *e);

/* Writes both parts of a text as llm.c's token files, folder/data_train_000000.bin, data_val_000000.bin ...
 * (data/shards.h). A task has none: EXIT_USAGE. */
bool dataset_shards(const Dataset *d, const char *folder, Error *e);

/* The names of the named corpora (data/sources.yaml), with commas between; returns text. */
enum { CORPUS_NAMES = 256 }; /* room for them */
const char *corpus_names(char *text, size_t room);

/* Gets a named corpus into cache_dir (data/fetch.h); nothing is installed. Does nothing when it is there. */
bool corpus_fetch(const char *name, const char *cache_dir, void (*say)(const char *line), Error *e);

#endif
