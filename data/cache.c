#include "data/cache.h"

#include "data/seal.h"
#include "data/split.h"
#include "data/workspace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GROUP_BYTES = 16 << 20 };
enum { FORMAT = 4 }; /* raised when the same settings come to mean other files */

/* ---- entries ------------------------------------------------------------------------------ */

static Path seen_path(const char *cache_dir, const char *digest) {
    return path_of("%s/seen/%s", cache_dir, digest);
}

/* The line kept for a digest: the content hash, and a checksum of both. */
static void memory_line(const char *digest, const char *hash, char line[2 * HASH_HEX]) {
    Path both = path_of("%s%s", digest, hash);
    memcpy(line, hash, HASH_HEX - 1);
    hash_hex(both.s, (int64_t)strlen(both.s), line + HASH_HEX - 1);
}

/* The remembered content hash of the files that have this digest. */
static bool recall(const char *cache_dir, const char *digest, char hash[HASH_HEX]) {
    enum { SIZE = 2 * (HASH_HEX - 1) };
    Bytes b = {0};
    Error unknown = {0};
    char line[2 * HASH_HEX];
    bool ok = file_read(seen_path(cache_dir, digest).s, &b, &unknown) && b.size == SIZE;
    if (ok) {
        snprintf(hash, HASH_HEX, "%.*s", HASH_HEX - 1, b.data);
        memory_line(digest, hash, line);
        ok = memcmp(line, b.data, SIZE) == 0;
    }
    bytes_free(&b);
    return ok;
}

/* Forgetting costs one more reading of the text, so a failure here is none. */
static void remember(const char *cache_dir, const char *digest, const char *hash) {
    Error unkept = {0};
    char line[2 * HASH_HEX];
    memory_line(digest, hash, line);
    if (folder_make(path_of("%s/seen", cache_dir).s, &unkept))
        file_replace(seen_path(cache_dir, digest).s, line, (int64_t)strlen(line), &unkept);
}

static void entry_key(const Recipe *r, const char *corpus_hash, char key[HASH_HEX]) {
    Path all = path_of("%d\n%s\n%s\n%s", FORMAT, r->from.source, corpus_hash, r->settings);
    hash_hex(all.s, (int64_t)strlen(all.s), key);
}

static bool seal_entry(const char *folder, const Recipe *r, const Corpus *c, const char *hash, Error *e) {
    char key[HASH_HEX];
    entry_key(r, hash, key);
    Path source = path_of("%s", r->from.source);
    for (char *at = source.s; *at; at++)
        if (*at == '\n') *at = ' ';
    Path facts = path_of("key %s\nlicence %s\ncorpus %s\nsource %s\nsettings %s\nnote %s\n", key, c->licence,
                         hash, source.s, r->settings, c->note);
    return folder_seal(folder, facts.s, e);
}

/* Opens the entry of that text; an error says what is missing or damaged. */
static bool open_entry(CacheEntry *out, const Recipe *r, const char *cache_dir, const char *hash, Error *e) {
    char key[HASH_HEX], written[HASH_HEX];
    Bytes facts = {0};
    entry_key(r, hash, key);
    out->folder = path_of("%s/%s", cache_dir, key);
    bool ok = folder_check(out->folder.s, &facts, e);
    if (ok && !(fact_read(facts.data, "key", written, sizeof written) && !strcmp(key, written) &&
                fact_read(facts.data, "licence", out->licence, sizeof out->licence) &&
                fact_read(facts.data, "note", out->note, sizeof out->note)))
        ok = fail(e, EXIT_FAILED, "meta: of another text");
    snprintf(out->corpus_hash, sizeof out->corpus_hash, "%s", hash);
    bytes_free(&facts);
    return ok;
}

/* Puts an entry where there is none, or a damaged one. */
static bool write_entry(const CacheEntry *to, const Recipe *r, const Corpus *c, const char *cache_dir,
                        const char *hash, Error *e) {
    Workspace w;
    if (!workspace_open(&w, cache_dir, e)) return false;
    bool ok = r->fill(w.path.s, c, r->context, e) && seal_entry(w.path.s, r, c, hash, e) &&
              workspace_publish(&w, w.path.s, to->folder.s, e);
    workspace_close(&w);
    return ok;
}

static bool make_entry(CacheEntry *out, const Recipe *r, const char *cache_dir, const char *digest,
                       void (*say)(const char *line), Error *e) {
    Corpus c;
    char hash[HASH_HEX];
    Error why = {0};
    if (!corpus_read_all(&c, &r->from, cache_dir, e)) return false;
    if (say && *c.note) say(path_of("data: %s: %s", r->from.source, c.note).s);
    split_hash(&c, hash);
    bool ok = open_entry(out, r, cache_dir, hash, &why); /* its files may have been touched, not changed */
    if (!ok) {
        if (say && access(out->folder.s, F_OK) == 0)
            say(path_of("data: %s: prepared anew: %s: %s", r->from.source, out->folder.s, why.text).s);
        ok = write_entry(out, r, &c, cache_dir, hash, e) && open_entry(out, r, cache_dir, hash, e);
    }
    corpus_free(&c);
    if (ok) remember(cache_dir, digest, hash);
    return ok;
}

bool cache_entry(CacheEntry *out, const Recipe *r, const char *cache_dir, void (*say)(const char *line),
                 Error *e) {
    char digest[HASH_HEX], hash[HASH_HEX];
    Error why = {0};
    *out = (CacheEntry){0};
    if (!corpus_stat_all(&r->from, cache_dir, digest, e)) return false;
    if (recall(cache_dir, digest, hash) && open_entry(out, r, cache_dir, hash, &why)) return true;
    if (say) say(path_of("data: %s: preparing (%s)", r->from.source, r->settings).s);
    return make_entry(out, r, cache_dir, digest, say, e);
}

/* ---- tokens ------------------------------------------------------------------------------- */

typedef struct TokenRecipe {
    const DataConfig *config;
    void (*say)(const char *line);
} TokenRecipe;

/* One part of a text as it becomes tokens. */
typedef struct Encoding {
    const TokenRecipe *recipe;
    const char *folder, *name;
    const Codec *codec;
    const Corpus *corpus;
    const Part *part;
} Encoding;

/* The documents from `first` on that are encoded before any of their tokens is written: some bytes of text.
 */
static int64_t group_end(const Part *p, int64_t first) {
    int64_t bytes = 0, i = first;
    while (i < p->documents && bytes < GROUP_BYTES) bytes += p->span[i].end - p->span[i].begin, i++;
    return i;
}

/* A line for each tenth of a text that takes its time. */
static void say_share(const Encoding *x, int64_t done, int64_t before) {
    int64_t all = x->part->bytes, tenth = all / 10;
    if (!x->recipe->say || all < 2 * GROUP_BYTES || done / tenth == before / tenth) return;
    x->recipe->say(path_of("data: %s: %lld of %lld MB of text are tokens", x->recipe->config->source,
                           (long long)(done >> 20), (long long)(all >> 20))
                       .s);
}

/* Tokens are written group by group, so that memory has the text and one group's; a document is never cut. */
static bool write_tokens(const Encoding *x, FILE *out, int64_t *start, Error *e) {
    const Span *span = x->part->span;
    Tokens tokens = {0};
    int64_t written = 0, done = 0;
    bool ok = true;
    for (int64_t i = 0, end; ok && i < x->part->documents; i = end) {
        int64_t before = done;
        end = group_end(x->part, i);
        tokens.n = 0;
        ok =
            codec_encode(x->codec, x->folder, x->corpus->text.data, span + i, end - i, &tokens, start + i, e);
        for (int64_t k = i; k <= end; k++) start[k] += written;
        written += tokens.n;
        if (ok && fwrite(tokens.id, sizeof *tokens.id, (size_t)tokens.n, out) != (size_t)tokens.n)
            ok = fail(e, EXIT_FAILED, "cache: %s: %s", x->folder, strerror(errno));
        for (int64_t k = i; k < end; k++) done += span[k].end - span[k].begin;
        say_share(x, done, before);
    }
    free(tokens.id);
    return ok;
}

static bool write_part(const Encoding *x, Error *e) {
    int64_t *start = NULL, documents = x->part->documents;
    Path path = path_of("%s/%s.tokens", x->folder, x->name);
    FILE *out = fopen(path.s, "wb");
    if (!out) return fail(e, EXIT_FAILED, "cache: %s: %s", path.s, strerror(errno));
    bool ok = memory_grow((void **)&start, documents + 1, sizeof *start, e) && write_tokens(x, out, start, e);
    if (fclose(out) && ok) ok = fail(e, EXIT_FAILED, "cache: %s: %s", path.s, strerror(errno));
    ok = ok && file_write(path_of("%s/%s.documents", x->folder, x->name).s, start,
                          (documents + 1) * (int64_t)sizeof *start, e);
    free(start);
    return ok;
}

static void say_split(const TokenRecipe *r, const Corpus *c, const Split *s) {
    double share = 100 * (double)s->heldout.bytes / (double)c->text.size;
    if (s->own) {
        Path copies = path_of(", %lld of its %lld documents are in the training text, too",
                              (long long)s->copies, (long long)s->heldout.documents);
        r->say(path_of("data: %s: held out: %s%s", r->config->source, r->config->heldout,
                       s->copies ? copies.s : "")
                   .s);
        return;
    }
    const char *why = s->uneven ? ", as whole documents would be too little or too much" : "";
    Path part =
        s->tail ? path_of("its end%s", why)
                : path_of("%lld of %lld documents", (long long)s->heldout.documents, (long long)c->documents);
    r->say(path_of("data: %s: held out: %.1f %% of the text (%s)", r->config->source, share, part.s).s);
}

static bool fill_tokens(const char *folder, const Corpus *c, const void *context, Error *e) {
    const TokenRecipe *r = context;
    Split split;
    Codec codec = {0};
    if (!split_documents(&split, c, r->config->source, e)) return false;
    if (r->say) say_split(r, c, &split);
    bool ok = true;
    if (r->config->tokenizer == TOKENIZER_BPE) {
        if (r->say)
            r->say(
                path_of("data: %s: learning %lld pieces", r->config->source, (long long)r->config->vocab).s);
        ok = sentencepiece_train(folder, c->text.data, split.train.span, split.train.documents,
                                 r->config->vocab, e);
    }
    if (r->config->tokenizer == TOKENIZER_IDS)
        ok = codec_write_ids(folder, r->config->vocab, r->config->eot, e);
    ok = ok && codec_open(&codec, r->config->tokenizer, folder, e);
    if (ok && r->say)
        r->say(path_of("data: %s: tokenizing %lld documents", r->config->source, (long long)c->documents).s);
    ok = ok && write_part(&(Encoding){r, folder, "train", &codec, c, &split.train}, e) &&
         write_part(&(Encoding){r, folder, "heldout", &codec, c, &split.heldout}, e);
    codec_close(&codec);
    split_free(&split);
    return ok;
}

bool token_part(TokenPart *p, const void *token, int64_t token_bytes, const void *start, int64_t start_bytes,
                int64_t vocab, const char *name, Error *e) {
    *p = (TokenPart){.token = token,
                     .tokens = token_bytes / (int64_t)sizeof *p->token,
                     .start = start,
                     .documents = start_bytes / (int64_t)sizeof *p->start - 1};
    bool whole = token_bytes % (int64_t)sizeof *p->token == 0 &&
                 start_bytes % (int64_t)sizeof *p->start == 0 && p->documents >= 1 && p->start[0] == 0 &&
                 p->start[p->documents] == p->tokens;
    for (int64_t i = 0; whole && i < p->documents; i++) whole = p->start[i] < p->start[i + 1];
    uint16_t largest = 0;
    for (int64_t i = 0; i < p->tokens; i++) largest = p->token[i] > largest ? p->token[i] : largest;
    if (whole && largest < vocab) return true;
    return fail(e, EXIT_FAILED, "cache: %s: %s (remove the folder)", name,
                whole ? "a token that its tokenizer does not have" : "its files do not fit together");
}

static bool map_part(TokenPart *p, const char *folder, const char *name, int64_t vocab, Error *e) {
    const void *token = NULL, *start = NULL;
    int64_t token_bytes = 0, start_bytes = 0;
    bool ok = file_map(path_of("%s/%s.tokens", folder, name).s, &token, &token_bytes, e) &&
              file_map(path_of("%s/%s.documents", folder, name).s, &start, &start_bytes, e) &&
              token_part(p, token, token_bytes, start, start_bytes, vocab, folder, e);
    if (ok) return true;
    if (token) munmap((void *)token, (size_t)token_bytes);
    if (start) munmap((void *)start, (size_t)start_bytes);
    *p = (TokenPart){0};
    return false;
}

static void unmap_part(TokenPart *p) {
    if (p->token) munmap((void *)p->token, (size_t)p->tokens * sizeof *p->token);
    if (p->start) munmap((void *)p->start, (size_t)(p->documents + 1) * sizeof *p->start);
    *p = (TokenPart){0};
}

/* What the tokens of a text depend on besides. */
static Path settings_of(const DataConfig *c) {
    if (c->tokenizer == TOKENIZER_IDS)
        return path_of("tokens ids %lld %lld", (long long)c->vocab, (long long)c->eot);
    return c->tokenizer == TOKENIZER_BPE
               ? path_of("tokens bpe %lld learnt from %d bytes", (long long)c->vocab, TRAIN_BYTES)
               : path_of("tokens bytes");
}

bool tokens_open(TokenSet *t, const DataConfig *c, const char *cache_dir, void (*say)(const char *line),
                 Error *e) {
    *t = (TokenSet){0};
    bool bpe = c->tokenizer == TOKENIZER_BPE;
    if (bpe && (c->vocab < VOCAB_MIN || c->vocab > VOCAB_MAX))
        return fail(e, EXIT_USAGE, "data.vocab: %lld: must lie within %d..%d", (long long)c->vocab, VOCAB_MIN,
                    VOCAB_MAX);
    TokenRecipe context = {c, say};
    IdRules ids = {c->vocab, c->eot};
    TextSource from = {c->source, *c->heldout ? c->heldout : NULL, *c->separator ? c->separator : NULL,
                       c->tokenizer == TOKENIZER_IDS ? &ids : NULL};
    Path settings = settings_of(c);
    Recipe r = {from, settings.s, fill_tokens, &context};
    bool ok = cache_entry(&t->entry, &r, cache_dir, say, e) &&
              codec_open(&t->codec, c->tokenizer, t->entry.folder.s, e) &&
              map_part(&t->train, t->entry.folder.s, "train", t->codec.pieces.count, e) &&
              map_part(&t->heldout, t->entry.folder.s, "heldout", t->codec.pieces.count, e);
    if (!ok) tokens_close(t);
    return ok;
}

void tokens_close(TokenSet *t) {
    unmap_part(&t->train);
    unmap_part(&t->heldout);
    codec_close(&t->codec);
}
