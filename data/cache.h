/* Owns: what is made from a corpus once and kept: folders cache_dir/KEY, where KEY is a hash of
 * the source's name, its content (split_hash) and the settings; and the tokens of a text in such a folder.
 * Does not own: how rows are cut from tokens.
 *
 * So that opening need not read the text, cache_dir/seen/DIGEST remembers the content hash of
 * files by their paths, sizes and times; what is there may be removed at any time.
 *
 * Nothing in the folder is believed unread: an entry's files are compared with their checksums whenever it is
 * opened (data/seal.h). A damaged one is made anew from its source, said in one line. */
#ifndef SINKLAB_CACHE_H
#define SINKLAB_CACHE_H

#include "data/corpus.h"
#include "data/tokenizer.h"

typedef struct CacheEntry {
    Path folder;
    char corpus_hash[HASH_HEX];
    char licence[128];
    char note[256]; /* as Corpus has it */
} CacheEntry;

/* Finds the entry of (source, settings), or makes it: `fill` writes its files into `folder`. Two
 * processes may do so at once. Whatever changes what `fill` writes belongs in `settings`. */
typedef struct Recipe {
    TextSource from;
    const char *settings;
    bool (*fill)(const char *folder, const Corpus *corpus, const void *context, Error *e);
    const void *context;
} Recipe;
bool cache_entry(CacheEntry *out, const Recipe *r, const char *cache_dir, void (*say)(const char *line),
                 Error *e);

typedef struct TokenPart { /* mapped files */
    const uint16_t *token; /* [tokens] */
    int64_t tokens;
    const int64_t *start; /* [documents + 1] */
    int64_t documents;
} TokenPart;

typedef struct TokenSet {
    CacheEntry entry;
    Codec codec;
    TokenPart train, heldout;
} TokenSet;

/* A part whose files lie in memory, `start` aligned as int64_t is. An error (EXIT_FAILED), naming `name`,
 * where a token is not below `vocab`, or documents do not follow each other from 0 to the number of tokens.
 */
bool token_part(TokenPart *p, const void *token, int64_t token_bytes, const void *start, int64_t start_bytes,
                int64_t vocab, const char *name, Error *e);

/* Opens the tokens of a text, preparing them first if need be. */
bool tokens_open(TokenSet *t, const DataConfig *c, const char *cache_dir, void (*say)(const char *line),
                 Error *e);
void tokens_close(TokenSet *t);

#endif
