/* Owns: the two ways from text to token ids and back. Any bytes round-trip in both.
 * Does not own: the programs behind bpe (data/sentencepiece.h), where BOS is put (data/rows.h).
 *
 *   bytes  ids 0..255 are the bytes, 256 is BOS
 *   bpe    a SentencePiece model; BOS is its <s>
 *   ids    tokens as they come, two bytes each; BOS is the one that begins a document. A token's text is its
 *          number */
#ifndef SINKLAB_TOKENIZER_H
#define SINKLAB_TOKENIZER_H

#include "data/data.h"
#include "data/sentencepiece.h"

enum { BYTES_VOCAB = 257 };

typedef struct Codec {
    int kind;               /* Tokenizer */
    Pieces pieces;          /* of either kind */
    char model[PATH_BYTES]; /* bpe: its tokenizer.model */
    char hash[HASH_HEX];    /* of all that decides how text becomes ids */
} Codec;

/* Opens a tokenizer; bpe reads folder/tokenizer.model, ids folder/ids (codec_write_ids). */
bool codec_open(Codec *c, int kind, const char *folder, Error *e);
void codec_close(Codec *c);

/* Writes folder/ids: 2 .. VOCAB_MAX tokens, of which `eot` begins documents; others are refused (EXIT_USAGE).
 */
bool codec_write_ids(const char *folder, int64_t vocab, int64_t eot, Error *e);

/* Appends the tokens of the documents `span` of `text`; start as in sentencepiece_encode.
 * `scratch` is a folder for temporary files (bpe). */
bool codec_encode(const Codec *c, const char *scratch, const char *text, const Span *span, int64_t documents,
                  Tokens *out, int64_t *start, Error *e);

/* Appends the text of n tokens; BOS and other control pieces have none. An id outside of the
 * vocabulary is an error (EXIT_USAGE). */
bool codec_decode(const Codec *c, const int32_t *tokens, int64_t n, Bytes *out, Error *e);

#endif
