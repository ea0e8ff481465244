/* What is read of a text that was prepared: the pieces of a tokenizer, tokens and where documents begin, the
 * seal of a folder; and token files as they are written of that. */
#include "tests/fuzz/targets.h"

#include "data/base/listing.h"
#include "data/cache.h"
#include "data/rows.h"
#include "data/seal.h"
#include "data/shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fuzz_tokenizer_model(const char *data, int64_t size) {
    Error e = {0};
    Codec c = {.kind = TOKENIZER_BPE};
    Bytes text = {0};
    if (!pieces_parse(&c.pieces, data, size, "input", &e)) {
        MUST(!c.pieces.piece);
        fuzz_refused(&e);
        return;
    }
    MUST(c.pieces.count <= VOCAB_MAX && c.pieces.bos < c.pieces.count);
    for (int32_t id = 0; id < c.pieces.count; id++) MUST(codec_decode(&c, &id, 1, &text, &e));
    for (int byte = 0; byte < 256; byte++) {
        Piece p = c.pieces.piece[c.pieces.byte[byte]];
        MUST(p.length == 1 && (unsigned char)*p.bytes == byte);
    }
    bytes_free(&text);
    codec_close(&c);
}

/* A token part out of an input: how many documents, where they begin, tokens. Every number is as the bytes
 * say. */
typedef struct Input {
    TokenPart part;
    int64_t *start;
    uint16_t *token;
} Input;

enum { VOCAB = 300, BOS = 256 };

static bool input_open(Input *in, const char *data, int64_t size) {
    Error e = {0};
    *in = (Input){0};
    if (size < 1) return false;
    int64_t starts = 1 + (unsigned char)data[0], left = size - 1;
    if (left < starts * (int64_t)sizeof *in->start) return false;
    int64_t bytes = left - starts * (int64_t)sizeof *in->start;
    in->start = malloc((size_t)starts * sizeof *in->start);
    in->token = malloc((size_t)bytes + 1);
    MUST(in->start && in->token);
    memcpy(in->start, data + 1, (size_t)starts * sizeof *in->start);
    memcpy(in->token, data + 1 + starts * (int64_t)sizeof *in->start, (size_t)bytes);
    if (token_part(&in->part, in->token, bytes, in->start, starts * (int64_t)sizeof *in->start, VOCAB,
                   "input", &e))
        return true;
    fuzz_refused(&e);
    return false;
}

static void input_close(Input *in) {
    free(in->start), free(in->token);
}

static Stream stream_of(const TokenPart *p, int bos, int mask) {
    Stream s = {.token = p->token,
                .start = p->start,
                .documents = p->documents,
                .bos_id = BOS,
                .bos = bos,
                .mask = mask};
    s.length = stream_length(&s);
    return s;
}

static void check_rows(const Stream *s, int T) {
    Rows r = {malloc((size_t)T * 4), malloc((size_t)T * 4), malloc((size_t)T * 4), malloc((size_t)T)};
    int64_t rows = stream_rows(s, T), shuffled = stream_epoch_rows(s, T);
    for (int64_t i = 0; i < rows && i < 8; i++)
        stream_row(s, (rows - 1 - i) * T, T, s->bos == BOS_ROW, 0, &r);
    for (int64_t i = 0; i < shuffled && i < 8; i++)
        stream_row(s, stream_shuffled(s, 0, i, T), T, true, 0, &r);
    for (int t = 0; rows && t < T; t++)
        MUST(r.y[t] >= 0 && r.y[t] < VOCAB && r.doc_start[t] >= 0 && r.doc_start[t] <= t);
    free(r.x), free(r.y), free(r.doc_start), free(r.kind);
}

void fuzz_tokens(const char *data, int64_t size) {
    static const int lengths[] = {1, 2, 7, 64, 2048};
    Input in;
    if (input_open(&in, data, size))
        for (int bos = 0; bos < BOS_POLICIES; bos++)
            for (int mask = 0; mask < MASK_POLICIES; mask++) {
                Stream s = stream_of(&in.part, bos, mask);
                for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) check_rows(&s, lengths[i]);
            }
    input_close(&in);
}

/* The shards one after the other, without their headers, are the stream. */
static void check_shards(const Stream *s, const char *folder, int64_t most) {
    Error e = {0};
    FileList files;
    Bytes all = {0};
    MUST(shards_write(s, folder, "train", most, &e) && files_list(&files, folder, NULL, &e));
    for (int64_t i = 0; i < files.files; i++) {
        Bytes one = {0};
        int32_t header[SHARD_HEADER];
        MUST(file_read(files.path[i], &one, &e) && one.size >= (int64_t)sizeof header);
        memcpy(header, one.data, sizeof header);
        MUST(header[0] == SHARD_MAGIC && header[1] == 1 && header[2] <= most);
        MUST(one.size == (int64_t)sizeof header + 2 * header[2]);
        MUST(bytes_append(&all, one.data + sizeof header, 2 * (int64_t)header[2], &e));
        bytes_free(&one);
    }
    MUST(all.size == 2 * s->length);
    if (s->bos != BOS_DOCUMENT) MUST(!s->length || !memcmp(all.data, s->token, (size_t)all.size));
    bytes_free(&all);
    files_free(&files);
}

void fuzz_shards(const char *data, int64_t size) {
    Input in;
    if (size > 1 && input_open(&in, data + 1, size - 1)) {
        int64_t most = 64 + (unsigned char)data[0];
        Stream plain = stream_of(&in.part, BOS_NONE, MASK_CAUSAL),
               marked = stream_of(&in.part, BOS_DOCUMENT, MASK_CAUSAL);
        check_shards(&plain, fuzz_folder().s, most);
        check_shards(&marked, fuzz_folder().s, most);
    }
    if (size > 1) input_close(&in);
}

/* A meta as it is, the same with the hash that it lacks, and the folder that it is about. */
void fuzz_seal(const char *data, int64_t size) {
    Error e = {0};
    Bytes facts = {0}, files = {0}, meta = {0};
    char hash[HASH_HEX], value[64];
    if (!seal_parse(data, size, &facts, &files, &e)) fuzz_refused(&e);
    bytes_free(&facts), bytes_free(&files);
    hash_hex(data, size, hash);
    Path last = path_of("meta %s\n", hash);
    MUST(bytes_append(&meta, data, size, &e) && bytes_append(&meta, last.s, (int64_t)strlen(last.s), &e));
    e = (Error){0};
    bool taken = seal_parse(meta.data, meta.size, &facts, &files, &e);
    MUST(taken == (size > 0 && !memchr(data, 0, (size_t)size)));
    if (taken) {
        MUST(facts.size + files.size == size + 2 && !facts.data[facts.size - 1] &&
             !files.data[files.size - 1]);
        fact_read(facts.data, "key", value, sizeof value);
    }
    bytes_free(&facts);
    Path folder = fuzz_folder();
    MUST(file_write(path_of("%s/a", folder.s).s, "a", 1, &e) &&
         file_write(path_of("%s/meta", folder.s).s, meta.data, meta.size, &e));
    e = (Error){0};
    if (!folder_check(folder.s, &facts, &e)) fuzz_refused(&e);
    bytes_free(&facts), bytes_free(&files), bytes_free(&meta);
}
