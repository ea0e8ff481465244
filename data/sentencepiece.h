/* Owns: SentencePiece's programs spm_train and spm_encode, what they can carry, and reading the
 * pieces of a tokenizer.model.
 * Does not own: what tokens are used for.
 *
 * The programs read one document a line, as UTF-8. A newline within a document is the
 * user-defined symbol U+E000, which never merges with its neighbours. What a line cannot carry
 * stays out of it: NUL (which spm_train refuses), bytes that are not UTF-8, U+E000 itself, and U+2581, by
 * which SentencePiece writes a space. Such bytes cut the document into segments, a line each, and become the
 * model's own byte pieces <0xNN> when the segments are joined again; as they never merge either, the tokens
 * are those that one line would have given. Segments also end after SEGMENT_BYTES, at a newline if there is
 * one, which again changes nothing.
 *
 * Decoding needs no program: it joins the pieces (spm_decode would replace bytes that are not
 * UTF-8). */
#ifndef SINKLAB_SENTENCEPIECE_H
#define SINKLAB_SENTENCEPIECE_H

#include "data/split.h"

#include <stdio.h>

enum {
    SEGMENT_BYTES = 1 << 16,
    VOCAB_MIN = 261, /* <unk> <s> </s>, the newline, 256 bytes and one piece */
    VOCAB_MAX = 1 << 16,
    PIECE_MAX = 4096,     /* bytes of a piece's text */
    PART_BYTES = 1 << 20, /* of text that one process encodes, about */
    TRAIN_BYTES = 8 << 20 /* text that spm_train sees, about: segments drawn with a fixed seed */
};

/* The text of an id: `length` bytes, none for a control piece. */
typedef struct Piece {
    char *bytes;
    int length;
} Piece;

typedef struct Pieces {
    Piece *piece; /* [count], by id */
    int64_t count;
    int32_t bos; /* <s> */
    int32_t newline;
    int32_t byte[256]; /* ids of <0xNN> */
} Pieces;

typedef struct Tokens { /* a growing array; all zero is empty */
    uint16_t *id;
    int64_t n, capacity;
} Tokens;
bool tokens_push(Tokens *t, int32_t id, Error *e);

/* Writes folder/tokenizer.model with `vocab` pieces learnt from the documents; the same bytes
 * for the same text. An error (EXIT_USAGE) names the largest or smallest vocabulary that the
 * text supports. */
bool sentencepiece_train(const char *folder, const char *text, const Span *span, int64_t documents,
                         int64_t vocab, Error *e);

/* What a line of the programs carries: bytes of a text, or one byte alone that a line cannot carry. */
typedef struct Segment {
    int64_t begin, end;
    bool raw;
} Segment;
Segment segment_at(const char *text, int64_t at, int64_t end);
void segment_write(FILE *f, const char *text, Segment s);

/* Appends the tokens of the documents. start[i] (NULL: not wanted; else [documents + 1]) is
 * where document i begins in `out`. Several processes encode parts of a long text at once (as many as OpenMP
 * has threads). Works in temporary files inside `folder`, under names that begin with `spm-`, which it
 * removes. */
bool sentencepiece_encode(const Pieces *p, const char *model, const char *folder, const char *text,
                          const Span *span, int64_t documents, Tokens *out, int64_t *start, Error *e);

/* Reads the pieces of a tokenizer.model (Protocol Buffers: ModelProto.pieces) that lies in memory; `name`
 * stands in errors (EXIT_USAGE). Refused: what SentencePiece itself does not write, and a text that stands
 * there twice. After a failure there is nothing to free. */
bool pieces_parse(Pieces *p, const char *data, int64_t size, const char *name, Error *e);
/* The same of any model of SentencePiece's: bos, newline and bytes that it lacks are -1. */
bool pieces_read(Pieces *p, const char *data, int64_t size, const char *name, Error *e);
void pieces_free(Pieces *p);

/* What a model does to a text before its pieces: ModelProto.normalizer_spec, trainer_spec. */
typedef struct SpmRules {
    bool charsmap;     /* characters are replaced */
    bool dummy_prefix; /* a space is put before it */
    bool remove_extra; /* spaces at its ends go, several become one */
    bool suffix;       /* spaces belong to the word before them */
} SpmRules;
void sentencepiece_rules(const char *data, int64_t size, SpmRules *out);

#endif
