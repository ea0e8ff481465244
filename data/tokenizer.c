#include "data/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Kind {
    const char *name;
    bool (*open)(Codec *c, const char *folder, Error *e);
    bool (*encode)(const Codec *c, const char *scratch, const char *text, const Span *span, int64_t documents,
                   Tokens *out, int64_t *start, Error *e);
} Kind;

static bool bytes_open(Codec *c, const char *folder, Error *e) {
    (void)folder;
    static const char settings[] = "bytes: 256 and BOS";
    hash_hex(settings, sizeof settings, c->hash);
    if (!memory_grow((void **)&c->pieces.piece, BYTES_VOCAB, sizeof(Piece), e)) return false;
    memset(c->pieces.piece, 0, BYTES_VOCAB * sizeof(Piece));
    c->pieces.count = BYTES_VOCAB;
    c->pieces.bos = 256;
    c->pieces.newline = '\n';
    for (int i = 0; i < 256; i++) {
        char byte = (char)i;
        Bytes text = {0};
        if (!bytes_append(&text, &byte, 1, e)) return false;
        c->pieces.piece[i] = (Piece){text.data, 1};
        c->pieces.byte[i] = i;
    }
    return true;
}

static bool bytes_encode(const Codec *c, const char *scratch, const char *text, const Span *span,
                         int64_t documents, Tokens *out, int64_t *start, Error *e) {
    (void)c, (void)scratch;
    for (int64_t i = 0; i < documents; i++) {
        if (start) start[i] = out->n;
        for (int64_t at = span[i].begin; at < span[i].end; at++)
            if (!tokens_push(out, (unsigned char)text[at], e)) return false;
    }
    if (start) start[documents] = out->n;
    return true;
}

static bool bpe_open(Codec *c, const char *folder, Error *e) {
    snprintf(c->model, sizeof c->model, "%s/tokenizer.model", folder);
    Bytes file = {0};
    bool ok = file_read(c->model, &file, e) && pieces_parse(&c->pieces, file.data, file.size, c->model, e);
    hash_hex(file.data, file.size, c->hash);
    bytes_free(&file);
    return ok;
}

static bool bpe_encode(const Codec *c, const char *scratch, const char *text, const Span *span,
                       int64_t documents, Tokens *out, int64_t *start, Error *e) {
    return sentencepiece_encode(&c->pieces, c->model, scratch, text, span, documents, out, start, e);
}

static const Kind kinds[] = {
    [TOKENIZER_BPE] = {"bpe", bpe_open, bpe_encode},
    [TOKENIZER_BYTES] = {"bytes", bytes_open, bytes_encode},
};
_Static_assert(sizeof kinds / sizeof *kinds == TOKENIZERS, "a row for each tokenizer");

const char *tokenizer_name(int i) {
    return i >= 0 && i < TOKENIZERS ? kinds[i].name : NULL;
}

bool codec_open(Codec *c, int kind, const char *folder, Error *e) {
    *c = (Codec){.kind = kind};
    if (kinds[kind].open(c, folder, e)) return true;
    codec_close(c);
    return false;
}

void codec_close(Codec *c) {
    pieces_free(&c->pieces);
    *c = (Codec){0};
}

bool codec_encode(const Codec *c, const char *scratch, const char *text, const Span *span, int64_t documents,
                  Tokens *out, int64_t *start, Error *e) {
    return kinds[c->kind].encode(c, scratch, text, span, documents, out, start, e);
}

bool codec_decode(const Codec *c, const int32_t *tokens, int64_t n, Bytes *out, Error *e) {
    for (int64_t i = 0; i < n; i++) {
        if (tokens[i] < 0 || tokens[i] >= c->pieces.count)
            return fail(e, EXIT_USAGE, "tokenizer: id %d: outside of the vocabulary of %lld", tokens[i],
                        (long long)c->pieces.count);
        Piece p = c->pieces.piece[tokens[i]];
        if (!bytes_append(out, p.bytes, p.length, e)) return false;
    }
    return true;
}
