#include "data/rows.h"

#include "data/base/rng.h"

/* Tokens that BOS_DOCUMENT puts before a document. */
static int64_t extra(const Stream *s) {
    return s->bos == BOS_DOCUMENT;
}

static int64_t document_start(const Stream *s, int64_t document) {
    return s->start[document] + document * extra(s);
}

/* How many documents begin before the position. */
static int64_t documents_before(const Stream *s, int64_t position) {
    int64_t low = 0, high = s->documents;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (document_start(s, middle) < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t stream_length(const Stream *s) {
    return document_start(s, s->documents);
}
int64_t stream_documents(const Stream *s) {
    return documents_before(s, s->length);
}
int64_t stream_block_size(int T) {
    return ((int64_t)T + DATA_BLOCK - 1) / DATA_BLOCK * DATA_BLOCK;
}

int64_t stream_blocks(const Stream *s, int T) {
    return s->length > 0 ? (s->length - 1) / stream_block_size(T) : 0;
}

int64_t stream_epoch_rows(const Stream *s, int T) {
    return stream_blocks(s, T) * (stream_block_size(T) / T);
}
int64_t stream_rows(const Stream *s, int T) {
    return s->length > 0 ? (s->length - 1) / T : 0;
}

/* The place of row `row` of an epoch of `rows` after each deal of `hand` rows has been shuffled. */
static int64_t dealt(uint64_t seed, int64_t epoch, int64_t row, int64_t rows, int64_t hand) {
    int64_t deal = row / hand, first = deal * hand;
    int64_t n = rows - first < hand ? rows - first : hand;
    uint64_t step = (uint64_t)epoch << 24 | (uint64_t)deal;
    return first + (int64_t)rng_permute(seed, RNG_DEAL, step, (uint64_t)(row - first), (uint64_t)n);
}

int64_t stream_shuffled(const Stream *s, uint64_t seed, int64_t i, int T) {
    int64_t size = stream_block_size(T), per_block = size / T, blocks = stream_blocks(s, T);
    int64_t rows = blocks * per_block, epoch = i / rows, row = i % rows;
    if (s->deal > 1) row = dealt(seed, epoch, row, rows, s->deal * per_block);
    uint64_t place = (uint64_t)(row / per_block);
    int64_t block = (int64_t)rng_permute(seed, RNG_SHUFFLE, (uint64_t)epoch, place, (uint64_t)blocks);
    return block * size + row % per_block * T;
}

/* A place in the stream that knows its document, so that a row costs one search. */
typedef struct Cursor {
    const Stream *stream;
    int64_t position, document;
} Cursor;

static Cursor cursor_at(const Stream *s, int64_t position) {
    return (Cursor){s, position, documents_before(s, position + 1) - 1};
}

static void cursor_advance(Cursor *c) {
    c->position++;
    while (c->document + 1 < c->stream->documents &&
           document_start(c->stream, c->document + 1) <= c->position)
        c->document++;
}

static int32_t cursor_token(const Cursor *c) {
    const Stream *s = c->stream;
    if (extra(s) && c->position == document_start(s, c->document)) return s->bos_id;
    return s->token[c->position - (c->document + 1) * extra(s)];
}

void stream_row(const Stream *s, int64_t first, int T, bool bos_first, int row, Rows *out) {
    int64_t at = (int64_t)row * T;
    Cursor c = cursor_at(s, first);
    for (int t = 0; t < T; t++) {
        int64_t begins = document_start(s, c.document) - first;
        out->doc_start[at + t] = s->mask == MASK_DOCUMENT && begins > 0 ? (int32_t)begins : 0;
        out->x[at + t] = t == 0 && bos_first ? s->bos_id : cursor_token(&c);
        cursor_advance(&c);
        out->y[at + t] = cursor_token(&c);
        if (out->kind) out->kind[at + t] = 0;
    }
}
