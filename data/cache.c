#include "data/cache.h"

#include "data/split.h"
#include "data/workspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FORMAT = 3 }; /* raised when the same settings come to mean other files */

/* ---- entries ------------------------------------------------------------------------------ */

static Path seen_path(const char *cache_dir, const char *digest) {
    return path_of("%s/seen/%s", cache_dir, digest);
}

/* The remembered content hash of the files that have this digest. */
static bool recall(const char *cache_dir, const char *digest, char hash[HASH_HEX]) {
    Bytes b = {0};
    Error unknown = {0};
    bool ok = file_read(seen_path(cache_dir, digest).s, &b, &unknown) && b.size == HASH_HEX - 1;
    if (ok) snprintf(hash, HASH_HEX, "%.*s", HASH_HEX - 1, b.data);
    bytes_free(&b);
    return ok;
}

/* Forgetting costs one more reading of the text, so a failure here is none. */
static void remember(const Workspace *w, const char *cache_dir, const char *digest, const char *hash) {
    Error unkept = {0};
    Path draft = path_of("%s/seen", w->path.s);
    if (folder_make(path_of("%s/seen", cache_dir).s, &unkept) &&
        file_write(draft.s, hash, HASH_HEX - 1, &unkept))
        rename(draft.s, seen_path(cache_dir, digest).s);
}

static Path entry_path(const Recipe *r, const char *cache_dir, const char *corpus_hash) {
    char key[HASH_HEX];
    Path all = path_of("%d\n%s\n%s\n%s", FORMAT, r->source, corpus_hash, r->settings);
    hash_hex(all.s, (int64_t)strlen(all.s), key);
    return path_of("%s/%s", cache_dir, key);
}

static bool write_meta(const char *folder, const Recipe *r, const Corpus *c, const char *hash, Error *e) {
    Path meta =
        path_of("licence %s\ncorpus %s\nsource %s\nsettings %s\n", c->licence, hash, r->source, r->settings);
    return file_write(path_of("%s/meta", folder).s, meta.s, (int64_t)strlen(meta.s), e);
}

static bool read_meta(CacheEntry *out, Error *e) {
    Bytes meta = {0};
    Path path = path_of("%s/meta", out->folder.s);
    bool ok = file_read(path.s, &meta, e) && bytes_append(&meta, "", 1, e);
    if (ok && sscanf(meta.data, "licence %127[^\n] corpus %32s", out->licence, out->corpus_hash) != 2)
        ok = fail(e, EXIT_FAILED, "cache: %s: not understood (remove its folder)", path.s);
    bytes_free(&meta);
    return ok;
}

static bool make_entry(CacheEntry *out, const Recipe *r, const char *cache_dir, const char *digest,
                       void (*say)(const char *line), Error *e) {
    Corpus c;
    Workspace w;
    char hash[HASH_HEX];
    if (!corpus_read(&c, r->source, cache_dir, e)) return false;
    if (say && *c.note) say(path_of("data: %s: %s", r->source, c.note).s);
    corpus_hash(&c, hash);
    out->folder = entry_path(r, cache_dir, hash);
    bool ok = workspace_open(&w, cache_dir, e);
    if (ok) {
        remember(&w, cache_dir, digest, hash);
        if (access(out->folder.s, F_OK) != 0)
            ok = r->fill(w.path.s, &c, r->context, e) && write_meta(w.path.s, r, &c, hash, e) &&
                 workspace_publish(&w, w.path.s, out->folder.s, e);
        workspace_close(&w);
    }
    corpus_free(&c);
    return ok;
}

bool cache_entry(CacheEntry *out, const Recipe *r, const char *cache_dir, void (*say)(const char *line),
                 Error *e) {
    char digest[HASH_HEX];
    *out = (CacheEntry){0};
    if (!corpus_stat(r->source, cache_dir, digest, e)) return false;
    bool known = recall(cache_dir, digest, out->corpus_hash);
    if (known) out->folder = entry_path(r, cache_dir, out->corpus_hash);
    if (!known || access(out->folder.s, F_OK) != 0) {
        if (say) say(path_of("data: %s: preparing (%s)", r->source, r->settings).s);
        if (!make_entry(out, r, cache_dir, digest, say, e)) return false;
    }
    return read_meta(out, e);
}

/* ---- tokens ------------------------------------------------------------------------------- */

typedef struct TokenRecipe {
    const DataConfig *config;
    void (*say)(const char *line);
} TokenRecipe;

static bool write_part(const char *folder, const char *name, const Codec *codec, const Corpus *c,
                       const Part *p, Error *e) {
    Tokens tokens = {0};
    int64_t *start = NULL;
    bool ok = memory_grow((void **)&start, p->documents + 1, sizeof *start, e) &&
              codec_encode(codec, folder, c->text.data, p->span, p->documents, &tokens, start, e) &&
              file_write(path_of("%s/%s.tokens", folder, name).s, tokens.id,
                         tokens.n * (int64_t)sizeof *tokens.id, e) &&
              file_write(path_of("%s/%s.documents", folder, name).s, start,
                         (p->documents + 1) * (int64_t)sizeof *start, e);
    free(start);
    free(tokens.id);
    return ok;
}

static bool fill_tokens(const char *folder, const Corpus *c, const void *context, Error *e) {
    const TokenRecipe *r = context;
    Split split;
    Codec codec = {0};
    if (!split_documents(&split, c, r->config->source, e)) return false;
    bool ok = true;
    if (r->config->tokenizer == TOKENIZER_BPE) {
        if (r->say)
            r->say(
                path_of("data: %s: learning %lld pieces", r->config->source, (long long)r->config->vocab).s);
        ok = sentencepiece_train(folder, c->text.data, split.train.span, split.train.documents,
                                 r->config->vocab, e);
    }
    ok = ok && codec_open(&codec, r->config->tokenizer, folder, e);
    if (ok && r->say)
        r->say(path_of("data: %s: tokenizing %lld documents", r->config->source, (long long)c->documents).s);
    ok = ok && write_part(folder, "train", &codec, c, &split.train, e) &&
         write_part(folder, "heldout", &codec, c, &split.heldout, e);
    codec_close(&codec);
    split_free(&split);
    return ok;
}

static bool map_part(TokenPart *p, const char *folder, const char *name, Error *e) {
    const void *token, *start;
    int64_t token_bytes, start_bytes;
    if (!file_map(path_of("%s/%s.tokens", folder, name).s, &token, &token_bytes, e)) return false;
    *p = (TokenPart){.token = token, .tokens = token_bytes / (int64_t)sizeof *p->token};
    if (!file_map(path_of("%s/%s.documents", folder, name).s, &start, &start_bytes, e)) return false;
    p->start = start;
    p->documents = start_bytes / (int64_t)sizeof *p->start - 1;
    if (p->documents < 1 || p->start[p->documents] != p->tokens)
        return fail(e, EXIT_FAILED, "cache: %s: its files do not fit together (remove the folder)", folder);
    return true;
}

static void unmap_part(TokenPart *p) {
    if (p->token) munmap((void *)p->token, (size_t)p->tokens * sizeof *p->token);
    if (p->start) munmap((void *)p->start, (size_t)(p->documents + 1) * sizeof *p->start);
    *p = (TokenPart){0};
}

bool tokens_open(TokenSet *t, const DataConfig *c, const char *cache_dir, void (*say)(const char *line),
                 Error *e) {
    *t = (TokenSet){0};
    bool bpe = c->tokenizer == TOKENIZER_BPE;
    if (bpe && (c->vocab < VOCAB_MIN || c->vocab > VOCAB_MAX))
        return fail(e, EXIT_USAGE, "data.vocab: %lld: must lie within %d..%d", (long long)c->vocab, VOCAB_MIN,
                    VOCAB_MAX);
    TokenRecipe context = {c, say};
    Path settings = bpe ? path_of("tokens bpe %lld learnt from %d bytes", (long long)c->vocab, TRAIN_BYTES)
                        : path_of("tokens bytes");
    Recipe r = {c->source, settings.s, fill_tokens, &context};
    bool ok = cache_entry(&t->entry, &r, cache_dir, say, e) &&
              codec_open(&t->codec, c->tokenizer, t->entry.folder.s, e) &&
              map_part(&t->train, t->entry.folder.s, "train", e) &&
              map_part(&t->heldout, t->entry.folder.s, "heldout", e);
    if (!ok) tokens_close(t);
    return ok;
}

void tokens_close(TokenSet *t) {
    unmap_part(&t->train);
    unmap_part(&t->heldout);
    codec_close(&t->codec);
}
