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

/* ---- ids ---- */

bool codec_write_ids(const char *folder, int64_t vocab, int64_t eot, Error *e) {
    if (vocab < 2 || vocab > VOCAB_MAX)
        return fail(e, EXIT_USAGE, "data.vocab: %lld: must lie within 2..%d", (long long)vocab, VOCAB_MAX);
    if (eot < 0 || eot >= vocab)
        return fail(e, EXIT_USAGE,
                    "data.eot: %lld: with data.tokenizer: ids it is the token that begins a document, 0 to "
                    "%lld (50256 "
                    "of GPT-2's)",
                    (long long)eot, (long long)vocab - 1);
    Path line = path_of("ids %lld %lld\n", (long long)vocab, (long long)eot);
    return file_write(path_of("%s/ids", folder).s, line.s, (int64_t)strlen(line.s), e);
}

static bool name_pieces(Pieces *p, int64_t vocab, Error *e) {
    if (!memory_grow((void **)&p->piece, vocab, sizeof *p->piece, e)) return false;
    for (; p->count < vocab; p->count++) {
        char *text = NULL;
        int length = asprintf(&text, "%lld ", (long long)p->count);
        if (length < 0) return fail(e, EXIT_FAILED, "memory: %lld tokens: none left", (long long)vocab);
        p->piece[p->count] = (Piece){text, length};
    }
    return true;
}

static bool ids_open(Codec *c, const char *folder, Error *e) {
    Bytes file = {0};
    long long vocab = 0, eot = 0;
    Path path = path_of("%s/ids", folder);
    bool ok = file_read(path.s, &file, e);
    if (ok) hash_hex(file.data, file.size, c->hash);
    ok = ok && bytes_append(&file, "", 1, e);
    if (ok && (sscanf(file.data, "ids %lld %lld", &vocab, &eot) != 2 || vocab < 2 || vocab > VOCAB_MAX ||
               eot < 0 || eot >= vocab))
        ok = fail(e, EXIT_FAILED, "tokenizer: %s: is damaged (remove the folder)", path.s);
    c->pieces.bos = (int32_t)eot;
    c->pieces.newline = -1;
    bytes_free(&file);
    return ok && name_pieces(&c->pieces, vocab, e);
}

static bool ids_encode(const Codec *c, const char *scratch, const char *text, const Span *span,
                       int64_t documents, Tokens *out, int64_t *start, Error *e) {
    (void)c, (void)scratch;
    for (int64_t i = 0; i < documents; i++) {
        if (start) start[i] = out->n;
        for (int64_t at = span[i].begin; at < span[i].end; at += (int64_t)sizeof(uint16_t)) {
            uint16_t token;
            memcpy(&token, text + at, sizeof token);
            if (!tokens_push(out, token, e)) return false;
        }
    }
    if (start) start[documents] = out->n;
    return true;
}

static const Kind kinds[] = {
    [TOKENIZER_BPE] = {"bpe", bpe_open, bpe_encode},
    [TOKENIZER_BYTES] = {"bytes", bytes_open, bytes_encode},
    [TOKENIZER_IDS] = {"ids", ids_open, ids_encode},
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
