#include "data/split.h"

#include "data/base/rng.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { HELDOUT_ONE_IN = 20 };

typedef struct Keyed {
    XXH128_hash_t hash;
    int64_t document;
} Keyed;

static int by_hash(const void *a, const void *b) {
    const Keyed *p = a, *q = b;
    int order = XXH128_cmp(&p->hash, &q->hash);
    return order ? order : (p->document > q->document) - (p->document < q->document);
}

/* first[i] is the first document with the text of document i. */
static bool first_copies(const Corpus *c, int64_t *first, Error *e) {
    Keyed *keyed = NULL;
    if (!memory_grow((void **)&keyed, c->documents, sizeof *keyed, e)) return false;
    for (int64_t i = 0; i < c->documents; i++) {
        const char *text = c->text.data + c->start[i];
        keyed[i] = (Keyed){XXH3_128bits(text, (size_t)(c->start[i + 1] - c->start[i])), i};
    }
    qsort(keyed, (size_t)c->documents, sizeof *keyed, by_hash);
    for (int64_t i = 0; i < c->documents; i++) {
        bool copy = i && XXH128_isEqual(keyed[i].hash, keyed[i - 1].hash);
        first[keyed[i].document] = copy ? first[keyed[i - 1].document] : keyed[i].document;
    }
    free(keyed);
    return true;
}

static void part_add(Part *p, int64_t begin, int64_t end) {
    if (begin >= end) return;
    p->span[p->documents++] = (Span){begin, end};
    p->bytes += end - begin;
}

static bool split_by_number(Split *s, const Corpus *c, Error *e) {
    int64_t *first = NULL;
    bool ok = memory_grow((void **)&first, c->documents, sizeof *first, e) && first_copies(c, first, e);
    for (int64_t i = 0; ok && i < c->documents; i++) {
        bool heldout = rng_below(0, RNG_HELDOUT, 0, (uint64_t)first[i], HELDOUT_ONE_IN) == 0;
        part_add(heldout ? &s->heldout : &s->train, c->start[i], c->start[i + 1]);
    }
    free(first);
    return ok;
}

static bool split_own(Split *s, const Corpus *c, Error *e) {
    int64_t *first = NULL;
    bool ok = memory_grow((void **)&first, c->documents, sizeof *first, e) && first_copies(c, first, e);
    for (int64_t i = 0; ok && i < c->documents; i++) {
        bool heldout = i >= c->heldout_from;
        s->copies += heldout && first[i] < c->heldout_from;
        part_add(heldout ? &s->heldout : &s->train, c->start[i], c->start[i + 1]);
    }
    free(first);
    return ok;
}

static int64_t tail_cut(const Corpus *c) {
    int64_t size = c->text.size, share = size / HELDOUT_ONE_IN, cut = size - (share > 0 ? share : 1);
    if (c->ids) return cut & ~(int64_t)1; /* between two tokens */
    const char *newline = memchr(c->text.data + cut, '\n', (size_t)(size - cut));
    int64_t after = newline ? newline - c->text.data + 1 : size;
    if (after < size - share / 2) return after;
    for (int back = 0; back < 3 && cut > 0 && ((unsigned char)c->text.data[cut] & 0xC0) == 0x80; back++)
        cut--;
    return cut;
}

static void split_tail(Split *s, const Corpus *c) {
    s->train.documents = s->train.bytes = s->heldout.documents = s->heldout.bytes = 0;
    int64_t cut = tail_cut(c);
    for (int64_t i = 0; i < c->documents; i++) {
        int64_t begin = c->start[i], end = c->start[i + 1];
        part_add(&s->train, begin, end < cut ? end : cut);
        part_add(&s->heldout, begin > cut ? begin : cut, end);
    }
}

/* Whether about a twentieth of the bytes is held out: between a fortieth and a tenth. */
static bool is_even(const Split *s, int64_t size) {
    return s->heldout.bytes >= size / (2 * HELDOUT_ONE_IN) && s->heldout.bytes <= 2 * size / HELDOUT_ONE_IN;
}

bool split_documents(Split *s, const Corpus *c, const char *source, Error *e) {
    *s = (Split){0};
    bool ok = memory_grow((void **)&s->train.span, c->documents, sizeof(Span), e) &&
              memory_grow((void **)&s->heldout.span, c->documents, sizeof(Span), e);
    bool few = c->documents < HELDOUT_ONE_IN;
    s->own = c->heldout_from > 0;
    if (ok && s->own)
        ok = split_own(s, c, e);
    else if (ok && !few)
        ok = split_by_number(s, c, e);
    s->uneven = ok && !s->own && s->heldout.documents && !is_even(s, c->text.size);
    s->tail = s->uneven || (!s->own && !s->heldout.documents);
    if (ok && s->tail) split_tail(s, c);
    if (ok && (!s->train.documents || !s->heldout.documents))
        ok = fail(e, EXIT_USAGE, "data.source: %s: the text is too short to hold a part of it out", source);
    if (!ok) split_free(s);
    return ok;
}

void split_hash(const Corpus *c, char hash[HASH_HEX]) {
    Split s;
    corpus_hash(c, hash);
    if (c->heldout_from) {
        Path both = path_of("%s held out from document %lld", hash, (long long)c->heldout_from);
        hash_hex(both.s, (int64_t)strlen(both.s), hash);
        return;
    }
    if (split_documents(&s, c, "", NULL) && s.uneven) {
        Path both = path_of("%s its end is held out", hash);
        hash_hex(both.s, (int64_t)strlen(both.s), hash);
    }
    split_free(&s);
}

void split_free(Split *s) {
    free(s->train.span);
    free(s->heldout.span);
    *s = (Split){0};
}
