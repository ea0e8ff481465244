/* Owns: where text comes from and what a document of it is: the named corpora, any file, any folder.
 * Does not own: which names there are (data/sources.h) and getting them (data/fetch.h), tokens, the held-out
 * split, the cache of tokens.
 *
 *   a named corpus  as its row of data/sources.yaml has it
 *   a file          one document
 *   PATH#FIELD      the same of JSON lines: a document a line, the text of that field (data/json_lines.h)
 *   files of tokens under data.tokenizer: ids, and what a document of them is (data/shards.h)
 *   a folder        each regular file below it a document, sorted by path; links are followed, a file that
 *                   has two names is read once (data/base/listing.h)
 *
 * Under a separator each file is as many documents as that cuts it into. Files may be gzip or zstd. What is
 * no text is refused by name (data/text_file.h). A document that does not end in a newline is given one. Text
 * is bytes: nothing else is decoded or normalised. What is left out, and bytes that are not UTF-8, are
 * counted. */
#ifndef SINKLAB_CORPUS_H
#define SINKLAB_CORPUS_H

#include "data/base/listing.h"
#include "data/data.h"

/* Of files of tokens (data/shards.h): how many there may be, and the one that begins a document, which is
 * left out. */
typedef struct IdRules {
    int64_t vocab, eot;
} IdRules;

typedef struct Corpus {
    const char *field;  /* of JSON lines; NULL: files are texts */
    const IdRules *ids; /* of files of tokens; NULL: files are texts */
    Bytes text;         /* the documents, one after the other; of files of tokens two bytes each */
    int64_t *start;     /* [documents + 1] byte offsets of the documents, the last is text.size */
    int64_t documents;
    int64_t heldout_from;  /* the first document of the held-out text of its own; 0: there is none */
    const char *separator; /* of documents in a file; NULL: a file is one */
    int64_t cuts;          /* separators found */
    int64_t empty, hidden, links, special; /* left out: documents without a text, and as listing.h has them */
    char licence[128];
    char note[256]; /* one line that counts what was left out and what is not UTF-8; "": nothing */
} Corpus;

/* Where a text is and how it is cut; NULL for what is not asked. */
typedef struct TextSource {
    const char *source, *heldout, *separator;
    const IdRules *ids; /* the files hold tokens */
} TextSource;

/* Reads a source. An error (EXIT_USAGE) when it is missing, naming the command that fetches it
 * if it is a named corpus, or when it has no text. */
bool corpus_read(Corpus *c, const char *source, const char *cache_dir, Error *e);
/* The same, with the documents of the held-out text behind those of the source; a separator that stands in
 * none of the files is an error, too. */
bool corpus_read_all(Corpus *c, const TextSource *from, const char *cache_dir, Error *e);
void corpus_free(Corpus *c);

/* A digest of the paths, sizes and times of change of the sources' files: equal digests, equal text. */
bool corpus_stat(const char *source, const char *cache_dir, char digest[HASH_HEX], Error *e);
bool corpus_stat_all(const TextSource *from, const char *cache_dir, char digest[HASH_HEX], Error *e);

/* A digest of the documents and of where they begin. */
void corpus_hash(const Corpus *c, char hash[HASH_HEX]);

/* Appends the entries of a dictd dictionary: headword, offset and length a line of the index,
 * the numbers in dictd's base 64. `name` stands in errors. The index is cut into its fields. */
bool corpus_add_dictd(Corpus *c, const char *name, const Bytes *dict, Bytes *index, Error *e);
bool corpus_read_dictd(Corpus *c, const char *dict, const char *index, Error *e);

#endif
