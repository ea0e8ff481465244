#include "data/backcopy.h"

#include "data/base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const int64_t HELDOUT_ROW = (int64_t)1 << 39; /* the upper half of the generator's steps */

void bigram_count(BigramCounts *counts, const char *text, int64_t size) {
    for (int64_t i = 0; i < size; i++)
        counts->of[(unsigned char)text[i]][(unsigned char)text[i + 1 < size ? i + 1 : 0]]++;
}

/* ---- the table ---------------------------------------------------------------------------- */

typedef struct Ranked {
    int64_t count;
    int byte;
} Ranked;

static int by_count(const void *a, const void *b) {
    const Ranked *p = a, *q = b;
    if (p->count != q->count) return p->count > q->count ? -1 : 1;
    return p->byte - q->byte;
}

/* Numbers the bytes by frequency; returns how many different ones there are. */
static int rank_bytes(Backcopy *b, const BigramCounts *counts) {
    Ranked ranked[256] = {0};
    int different = 0;
    for (int i = 0; i < 256; i++) {
        ranked[i].byte = i;
        for (int j = 0; j < 256; j++) ranked[i].count += counts->of[i][j];
        different += ranked[i].count > 0;
    }
    qsort(ranked, 256, sizeof *ranked, by_count);
    memset(b->byte, '?', sizeof b->byte);
    for (int i = 0; i < 256; i++) {
        b->symbol[ranked[i].byte] = (uint8_t)(i < BACKCOPY_BYTES ? i : BACKCOPY_BYTES);
        if (i < BACKCOPY_BYTES && ranked[i].count) b->byte[i] = (uint8_t)ranked[i].byte;
    }
    return different;
}

static void accumulate(Weights *w) {
    for (int j = 1; j < BACKCOPY_SYMBOLS; j++) w->cumulative[j] += w->cumulative[j - 1];
}

static int64_t total(const Weights *w) {
    return w->cumulative[BACKCOPY_SYMBOLS - 1];
}

double weights_share(const Weights *w, int j) {
    int64_t weight = w->cumulative[j] - (j ? w->cumulative[j - 1] : 0);
    return total(w) ? (double)weight / (double)total(w) : 0;
}

static double entropy(const Weights *w) {
    double h = 0;
    for (int j = 0; j < BACKCOPY_SYMBOLS; j++) {
        double p = weights_share(w, j);
        if (p > 0) h -= p * log(p);
    }
    return h;
}

static bool is_trigger(int symbol) {
    return symbol < BACKCOPY_TRIGGERS;
}

static double measure_oracle(const Backcopy *b) {
    double of[BACKCOPY_VOCAB], sum = 0;
    int64_t positions = 0;
    for (int i = 0; i < BACKCOPY_SYMBOLS; i++) of[i] = entropy(&b->next[i]);
    of[BACKCOPY_BOS] = entropy(&b->first);
    int32_t x[BACKCOPY_ORACLE_T], y[BACKCOPY_ORACLE_T], doc_start[BACKCOPY_ORACLE_T];
    Rows row = {x, y, doc_start, NULL};
    for (int64_t i = 0; i < BACKCOPY_ORACLE_ROWS; i++) {
        backcopy_heldout_row(b, i, BACKCOPY_ORACLE_T, true, 0, &row);
        for (int t = 0; t < BACKCOPY_ORACLE_T; t++) {
            if (is_trigger(x[t])) continue;
            sum += of[x[t]];
            positions++;
        }
    }
    return sum / (double)positions;
}

bool backcopy_build(Backcopy *b, const BigramCounts *counts, const char *source, Error *e) {
    *b = (Backcopy){0};
    if (rank_bytes(b, counts) <= BACKCOPY_TRIGGERS)
        return fail(e, EXIT_USAGE,
                    "data.source: %s: bigram_backcopy needs a text of at least %d different bytes", source,
                    BACKCOPY_TRIGGERS + 1);
    for (int i = 0; i < 256; i++)
        for (int j = 0; j < 256; j++) {
            b->next[b->symbol[i]].cumulative[b->symbol[j]] += counts->of[i][j];
            if (!is_trigger(b->symbol[i])) b->first.cumulative[b->symbol[i]] += counts->of[i][j];
        }
    for (int i = 0; i < BACKCOPY_SYMBOLS; i++) accumulate(&b->next[i]);
    accumulate(&b->first);
    b->oracle_other = measure_oracle(b);
    return true;
}

static bool fill_counts(const char *folder, const Corpus *c, const void *context, Error *e) {
    (void)context;
    BigramCounts *counts = calloc(1, sizeof *counts);
    if (!counts) return fail(e, EXIT_FAILED, "memory: bigram counts: none left");
    bigram_count(counts, c->text.data, c->text.size);
    bool ok = file_write(path_of("%s/bigrams", folder).s, counts, sizeof *counts, e);
    free(counts);
    return ok;
}

/* Whether the sums of all counts fit their type. */
static bool can_be_counts(const BigramCounts *counts) {
    bool ok = true;
    for (int i = 0; i < 256; i++)
        for (int j = 0; j < 256; j++) ok = ok && counts->of[i][j] >= 0 && counts->of[i][j] <= INT64_MAX >> 17;
    return ok;
}

bool backcopy_open(Backcopy *b, CacheEntry *entry, const char *source, const char *cache_dir,
                   void (*say)(const char *line), Error *e) {
    Recipe r = {{.source = source}, "bigrams of bytes", fill_counts, NULL};
    const void *counts;
    int64_t size;
    if (!cache_entry(entry, &r, cache_dir, say, e)) return false;
    Path path = path_of("%s/bigrams", entry->folder.s);
    if (!file_map(path.s, &counts, &size, e)) return false;
    bool ok = (size == sizeof(BigramCounts) && can_be_counts(counts)) ||
              fail(e, EXIT_FAILED, "cache: %s: no counts (remove its folder)", path.s);
    ok = ok && backcopy_build(b, counts, source, e);
    if (counts) munmap((void *)counts, (size_t)size);
    return ok;
}

/* ---- rows --------------------------------------------------------------------------------- */

/* Symbol t of a row, drawn with the weights. */
static int32_t draw(const Weights *w, uint64_t seed, int64_t row, int t) {
    int64_t at = (int64_t)rng_below(seed, RNG_TASK, (uint64_t)row, (uint64_t)t, (uint64_t)total(w));
    int low = 0, high = BACKCOPY_SYMBOLS - 1;
    while (low < high) {
        int middle = (low + high) / 2;
        if (w->cumulative[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void write_row(const Backcopy *b, uint64_t seed, int64_t number, int T, bool bos, int row, Rows *out) {
    int64_t at = (int64_t)row * T;
    int32_t before = bos ? BACKCOPY_BOS : draw(&b->first, seed, number, 0);
    int32_t now = before;
    for (int t = 0; t < T; t++) {
        int32_t next = t == 0            ? draw(&b->first, seed, number, 1)
                       : is_trigger(now) ? before
                                         : draw(&b->next[now], seed, number, t + 1);
        out->x[at + t] = now;
        out->y[at + t] = next;
        out->doc_start[at + t] = 0;
        if (out->kind) out->kind[at + t] = is_trigger(now);
        before = now;
        now = next;
    }
}

void backcopy_train_row(const Backcopy *b, uint64_t seed, int64_t number, int T, int row, Rows *out) {
    write_row(b, seed, number, T, true, row, out);
}

void backcopy_heldout_row(const Backcopy *b, int64_t number, int T, bool bos, int row, Rows *out) {
    write_row(b, 0, HELDOUT_ROW + number, T, bos, row, out);
}
