#include "data/sentencepiece.h"

#include "data/base/process.h"
#include "data/base/rng.h"
#include "data/utf8.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char NEWLINE[] = "\xEE\x80\x80"; /* U+E000 */
static const char SPACE[] = "\xE2\x96\x81";   /* U+2581 */

bool tokens_push(Tokens *t, int32_t id, Error *e) {
    if (t->n == t->capacity) {
        int64_t capacity = t->capacity * 3 / 2 + 256;
        if (!memory_grow((void **)&t->id, capacity, sizeof *t->id, e)) return false;
        t->capacity = capacity;
    }
    t->id[t->n++] = (uint16_t)id;
    return true;
}

/* ---- segments ----------------------------------------------------------------------------- */

/* Length of the UTF-8 character at s, 0 where there is none or one that a line cannot carry. */
static int carried_length(const char *s, int64_t left) {
    int n = utf8_length((const unsigned char *)s, left);
    bool reserved = *s == 0 || (n == 3 && (memcmp(s, NEWLINE, 3) == 0 || memcmp(s, SPACE, 3) == 0));
    return reserved ? 0 : n;
}

Segment segment_at(const char *text, int64_t at, int64_t end) {
    int64_t stop = at, newline = at, limit = end - at > SEGMENT_BYTES ? at + SEGMENT_BYTES : end;
    for (int n; stop < limit && (n = carried_length(text + stop, end - stop)); stop += n)
        if (text[stop] == '\n') newline = stop + 1;
    if (stop == at) return (Segment){at, at + 1, true};
    bool cut = stop < end && stop >= limit && newline > at;
    return (Segment){at, cut ? newline : stop, false};
}

void segment_write(FILE *f, const char *text, Segment s) {
    for (int64_t at = s.begin; at < s.end;) {
        const char *newline = memchr(text + at, '\n', (size_t)(s.end - at));
        int64_t stop = newline ? newline - text : s.end;
        fwrite(text + at, 1, (size_t)(stop - at), f);
        if (newline) fputs(NEWLINE, f);
        at = stop + (newline != NULL);
    }
    fputc('\n', f);
}

/* Writes a line for each segment, or for a share of the segments drawn with a fixed seed. */
static bool write_lines(const char *path, const char *text, const Span *span, int64_t documents, double share,
                        Error *e) {
    FILE *f = fopen(path, "wb");
    if (!f) return fail(e, EXIT_FAILED, "tokenizer: %s: %s", path, strerror(errno));
    uint64_t number = 0;
    for (int64_t i = 0; i < documents; i++)
        for (int64_t at = span[i].begin; at < span[i].end;) {
            Segment s = segment_at(text, at, span[i].end);
            bool drawn = share >= 1 || rng_uniform(0, RNG_TOKENIZER, 0, number++) < share;
            if (!s.raw && drawn) segment_write(f, text, s);
            at = s.end;
        }
    bool ok = !ferror(f);
    int why = errno;
    if (fclose(f) && ok) ok = false, why = errno;
    return ok ? true : fail(e, EXIT_FAILED, "tokenizer: %s: %s", path, strerror(why));
}

/* ---- training ----------------------------------------------------------------------------- */

/* spm_train says why in its own words; these are the two a user can do something about. */
static bool fail_vocab(const Error *why, int64_t vocab, Error *e) {
    const char *high = strstr(why->text, "to a value <= "), *low = strstr(why->text, "required_chars. ");
    long long bound = 0, given = 0;
    if (high && sscanf(high, "to a value <= %lld", &bound) == 1)
        return fail(e, EXIT_USAGE, "data.vocab: %lld: more pieces than this text supports (at most %lld)",
                    (long long)vocab, bound);
    if (low && sscanf(low, "required_chars. %lld vs %lld", &given, &bound) == 2)
        return fail(e, EXIT_USAGE,
                    "data.vocab: %lld: fewer pieces than the characters of this text (at least %lld)",
                    (long long)vocab, bound + 1);
    return fail(e, why->code, "tokenizer: %s", why->text);
}

/* spm_train ends well whether or not its model found room. */
static bool is_whole(const char *folder, Error *e) {
    Path path = path_of("%s/tokenizer.model", folder);
    Bytes model = {0};
    Pieces p = {0};
    Error why = {0};
    bool ok = file_read(path.s, &model, &why) && pieces_parse(&p, model.data, model.size, path.s, &why);
    pieces_free(&p);
    bytes_free(&model);
    if (!ok && why.code == EXIT_FAILED)
        return fail(e, why.code, "tokenizer: %s", why.text); /* not its fault */
    return ok || fail(e, EXIT_FAILED, "tokenizer: spm_train left a broken tokenizer.model: %s",
                      folder_lacks_room(folder));
}

bool sentencepiece_train(const char *folder, const char *text, const Span *span, int64_t documents,
                         int64_t vocab, Error *e) {
    int64_t size = 0;
    for (int64_t i = 0; i < documents; i++) size += span[i].end - span[i].begin;
    Path lines = path_of("%s/spm-train", folder), pieces = path_of("--vocab_size=%lld", (long long)vocab);
    Path symbol = path_of("--user_defined_symbols=%s", NEWLINE);
    Path longest = path_of("--max_sentence_length=%d", 4 * SEGMENT_BYTES); /* a newline takes three bytes */
    if (!write_lines(lines.s, text, span, documents, (double)TRAIN_BYTES / (double)size, e)) return false;
    /* Relative names and one thread: the model file records both, and its bytes are hashed. */
    const char *const argv[] = {"spm_train",
                                "--input=spm-train",
                                "--model_prefix=tokenizer",
                                "--model_type=bpe",
                                pieces.s,
                                symbol.s,
                                longest.s,
                                "--byte_fallback=true",
                                "--hard_vocab_limit=true",
                                "--normalization_rule_name=identity",
                                "--add_dummy_prefix=false",
                                "--remove_extra_whitespaces=false",
                                "--num_threads=1",
                                NULL};
    Error why = {0};
    bool ok = process_run(argv, folder, "spm-log", "sentencepiece", &why);
    unlink(lines.s);
    unlink(path_of("%s/spm-log", folder).s);
    unlink(path_of("%s/tokenizer.vocab", folder).s);
    return ok ? is_whole(folder, e) : fail_vocab(&why, vocab, e);
}

/* ---- the pieces of a model ---------------------------------------------------------------- */

/* A message of Protocol Buffers: fields of (number, wire type) and a number or bytes. */
typedef struct Field {
    uint64_t number, value; /* value: the number, or the length of the bytes */
    int wire;
    const char *bytes;
} Field;

enum { VARINT = 0, EIGHT_BYTES = 1, BYTES = 2, FOUR_BYTES = 5 };

/* A number of at most 64 bits, ten bytes. */
static bool read_varint(const char **at, const char *end, uint64_t *value) {
    *value = 0;
    for (int shift = 0; *at < end && shift < 64; shift += 7) {
        unsigned char byte = (unsigned char)*(*at)++;
        if (shift == 63 && byte > 1) return false;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

static bool read_field(const char **at, const char *end, Field *f) {
    uint64_t tag;
    if (!read_varint(at, end, &tag) || tag >> 3 == 0) return false;
    *f = (Field){.number = tag >> 3, .wire = tag & 7, .value = (tag & 7) == EIGHT_BYTES ? 8 : 4};
    if (f->wire == VARINT) return read_varint(at, end, &f->value);
    if (f->wire == BYTES && !read_varint(at, end, &f->value)) return false;
    if ((f->wire != BYTES && f->wire != EIGHT_BYTES && f->wire != FOUR_BYTES) ||
        f->value > (uint64_t)(end - *at))
        return false;
    f->bytes = *at;
    *at += f->value;
    return true;
}

/* A piece's text with each U+2581 turned back into a space. */
static bool set_text(Piece *p, const char *text, int64_t length, Error *e) {
    Bytes out = {0};
    for (int64_t at = 0; at < length;) {
        bool space = length - at >= 3 && memcmp(text + at, SPACE, 3) == 0;
        if (!bytes_append(&out, space ? " " : text + at, 1, e)) {
            bytes_free(&out);
            return false;
        }
        at += space ? 3 : 1;
    }
    *p = (Piece){out.data, (int)out.size};
    return true;
}

/* ModelProto.SentencePiece as it stands in the file. */
typedef struct Entry {
    const char *text;
    int64_t length;
    float score;
    uint64_t type;
} Entry;

enum { NORMAL = 1, CONTROL = 3, USER = 4, BYTE = 6 }; /* between them: unknown, unused */

static bool read_entry(Entry *out, const char *at, const char *end) {
    enum { TEXT = 1, SCORE = 2, TYPE = 3 };
    *out = (Entry){.type = NORMAL};
    for (Field f; at < end;) {
        if (!read_field(&at, end, &f)) return false;
        if (f.number == TEXT && f.wire == BYTES) out->text = f.bytes, out->length = (int64_t)f.value;
        if (f.number == SCORE && f.wire == FOUR_BYTES) memcpy(&out->score, f.bytes, sizeof out->score);
        if (f.number == TYPE) out->type = f.wire == VARINT ? f.value : 0;
    }
    return true;
}

static bool is_text(const Entry *x, const char *text) {
    return x->length == (int64_t)strlen(text) && memcmp(x->text, text, (size_t)x->length) == 0;
}

/* The byte that <0xNN> stands for, -1 where the text is another. */
static int byte_of(const Entry *x) {
    static const char digits[] = "0123456789ABCDEF";
    if (x->length != 6 || memcmp(x->text, "<0x", 3) || x->text[5] != '>') return -1;
    const char *high = memchr(digits, x->text[3], 16), *low = memchr(digits, x->text[4], 16);
    return high && low ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

/* The fault by which no model of SentencePiece's can have an entry; NULL: none. */
static const char *fault_of(const Pieces *p, const Entry *x) {
    if (p->count >= VOCAB_MAX) return "more pieces than a token has bits for";
    if (x->length < 1) return "a piece without a text";
    if (x->length > PIECE_MAX) return "a piece of more than 4096 bytes";
    if (!isfinite(x->score)) return "a score that is no number";
    if (x->type < NORMAL || x->type > BYTE) return "a piece of an unknown type";
    if (x->type == BYTE && byte_of(x) < 0) return "a byte piece that is not <0x00> to <0xFF>";
    return NULL;
}

/* Takes in a piece that has no fault. Its text here is its name in the model. */
static bool add_piece(Pieces *p, const Entry *x, Error *e) {
    if (!memory_grow((void **)&p->piece, p->count + 1, sizeof *p->piece, e)) return false;
    int32_t id = (int32_t)p->count++;
    p->piece[id] = (Piece){0};
    if (x->type == CONTROL && is_text(x, "<s>")) p->bos = id;
    if (x->type == BYTE) {
        char byte = (char)byte_of(x);
        p->byte[(unsigned char)byte] = id;
        return set_text(&p->piece[id], &byte, 1, e);
    }
    if (x->type == USER && is_text(x, NEWLINE)) {
        p->newline = id;
        return set_text(&p->piece[id], "\n", 1, e);
    }
    return x->type == NORMAL || x->type == USER ? set_text(&p->piece[id], x->text, x->length, e) : true;
}

static int by_text(const void *a, const void *b) {
    const Entry *p = a, *q = b;
    int64_t shorter = p->length < q->length ? p->length : q->length;
    int order = memcmp(p->text, q->text, (size_t)shorter);
    return order ? order : (p->length > q->length) - (p->length < q->length);
}

/* Whether two entries have one text, so that encoding never gives one of their ids. Sorts the entries. */
static bool has_copies(Entry *entry, int64_t n) {
    bool copies = false;
    if (n) qsort(entry, (size_t)n, sizeof *entry, by_text);
    for (int64_t i = 1; i < n; i++) copies |= by_text(&entry[i - 1], &entry[i]) == 0;
    return copies;
}

/* Reads every piece into `p`, and its entry into `entry`, which has room for as many as the bytes may hold.
 */
static const char *read_pieces(Pieces *p, Entry *entry, const char *at, const char *end, Error *e) {
    enum { PIECES = 1 };
    for (Field f; at < end;) {
        if (!read_field(&at, end, &f)) return "it is cut short or no such file";
        if (f.number != PIECES) continue;
        Entry x;
        const char *fault = f.wire != BYTES || !read_entry(&x, f.bytes, f.bytes + f.value)
                                ? "a piece that is not understood"
                                : fault_of(p, &x);
        if (fault) return fault;
        entry[p->count] = x;
        if (!add_piece(p, &x, e)) return "";
    }
    return has_copies(entry, p->count) ? "a piece that stands there twice" : NULL;
}

static bool is_complete(const Pieces *p) {
    bool ok = p->bos >= 0 && p->newline >= 0;
    for (int i = 0; i < 256; i++) ok = ok && p->byte[i] >= 0;
    return ok;
}

bool pieces_read(Pieces *p, const char *data, int64_t size, const char *name, Error *e) {
    *p = (Pieces){.bos = -1, .newline = -1};
    for (int i = 0; i < 256; i++) p->byte[i] = -1;
    Entry *entry = NULL;
    int64_t most = size / 2 < VOCAB_MAX ? size / 2 : VOCAB_MAX; /* a field takes two bytes at least */
    if (!memory_grow((void **)&entry, most, sizeof *entry, e)) return false;
    const char *fault = read_pieces(p, entry, data, data + size, e);
    free(entry);
    bool ok = !fault;
    if (fault && *fault) fail(e, EXIT_USAGE, "tokenizer: %s: not a SentencePiece model: %s", name, fault);
    if (!ok) pieces_free(p);
    return ok;
}

bool pieces_parse(Pieces *p, const char *data, int64_t size, const char *name, Error *e) {
    if (!pieces_read(p, data, size, name, e)) return false;
    if (is_complete(p)) return true;
    pieces_free(p);
    return fail(e, EXIT_USAGE,
                "tokenizer: %s: not one of ours (needs <s>, the newline U+E000 and byte pieces)", name);
}

/* The fields of one message that are numbers or bytes; a message that comes again adds to the first. */
static void read_rules(const Field *message, bool of_normalizer, SpmRules *out) {
    const char *at = message->bytes, *end = at + message->value;
    for (Field f; at < end && read_field(&at, end, &f);) {
        if (of_normalizer && f.number == 2) out->charsmap = f.value > 0;
        if (of_normalizer && f.number == 3) out->dummy_prefix = f.value;
        if (of_normalizer && f.number == 4) out->remove_extra = f.value;
        if (!of_normalizer && f.number == 24) out->suffix = f.value;
    }
}

void sentencepiece_rules(const char *data, int64_t size, SpmRules *out) {
    enum { TRAINER = 2, NORMALIZER = 3 };
    *out = (SpmRules){.dummy_prefix = true, .remove_extra = true};
    const char *at = data, *end = data + size;
    for (Field f; at < end && read_field(&at, end, &f);)
        if (f.wire == BYTES && (f.number == TRAINER || f.number == NORMALIZER))
            read_rules(&f, f.number == NORMALIZER, out);
}

void pieces_free(Pieces *p) {
    for (int64_t i = 0; i < p->count; i++) free(p->piece[i].bytes);
    free(p->piece);
    *p = (Pieces){0};
}
