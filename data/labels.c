#include "data/labels.h"

#include "data/base/rng.h"

#include <math.h>
#include <string.h>

static const int64_t HELDOUT_ROW = (int64_t)1 << 39; /* the upper half of the generator's steps */
enum { CHOICE = 1 << 20 }; /* draws of a row from here on choose targets and pairs, below positions */

static int32_t draw(uint64_t seed, int64_t row, int64_t at, int n) {
    return (int32_t)rng_below(seed, RNG_TASK, (uint64_t)row, (uint64_t)at, (uint64_t)n);
}

static void write_token(Rows *out, int64_t at, int32_t x, int32_t y, TokenClass class) {
    out->x[at] = x;
    out->y[at] = y;
    out->doc_start[at] = 0;
    if (out->kind) out->kind[at] = (int8_t) class;
}

/* ---- trigger-conditional mean ---- */

enum { TRIGGER = MEAN_LETTERS, MEAN_NOTHING, MEAN_BOS, ONE_IN = 8 };

/* The i-th letter before t, counted from the first. */
static int32_t letter_before(const int32_t *x, int t, int i) {
    for (int k = 0; k < t; k++)
        if (x[k] < MEAN_LETTERS && i-- == 0) return x[k];
    return MEAN_NOTHING;
}

static void mean_row(double noop, uint64_t seed, int64_t number, int T, bool bos, int row, Rows *out) {
    (void)noop;
    int64_t at = (int64_t)row * T;
    for (int t = 0, letters = 0; t < T; t++) {
        bool calls = t > 1 && !draw(seed, number, 2 * t, ONE_IN);
        int32_t letter = draw(seed, number, 2 * t + 1, MEAN_LETTERS);
        if (calls) {
            int32_t y = letter_before(out->x + at, t, draw(seed, number, CHOICE + t, letters));
            write_token(out, at + t, TRIGGER, y, CLASS_TRIGGER);
        } else
            write_token(out, at + t, t || !bos ? letter : MEAN_BOS, MEAN_NOTHING, CLASS_OTHER);
        letters += out->x[at + t] < MEAN_LETTERS;
    }
}

static double mean_entropy(const int32_t *x, int t) {
    int count[MEAN_LETTERS] = {0}, all = 0;
    for (int k = 0; k < t; k++)
        if (x[k] < MEAN_LETTERS) count[x[k]]++, all++;
    double h = 0;
    for (int i = 0; i < MEAN_LETTERS && x[t] == TRIGGER; i++)
        if (count[i]) h -= count[i] * log((double)count[i] / all) / all;
    return h;
}

/* ---- retrieval ---- */

enum {
    NOOP = 2 * RETRIEVAL_SYMBOLS,
    RETRIEVAL_NOTHING,
    RETRIEVAL_BOS,
    QUERIES_FROM = 1 + 2 * RETRIEVAL_PAIRS
};

static void retrieval_row(double noop, uint64_t seed, int64_t number, int T, bool bos, int row, Rows *out) {
    int64_t at = (int64_t)row * T;
    int32_t key[RETRIEVAL_PAIRS], value[RETRIEVAL_PAIRS];
    uint64_t step = (uint64_t)number;
    for (int i = 0; i < RETRIEVAL_PAIRS; i++) {
        key[i] = (int32_t)rng_permute(seed, RNG_TASK, step, (uint64_t)i, RETRIEVAL_SYMBOLS);
        value[i] = RETRIEVAL_SYMBOLS + draw(seed, number, CHOICE + i, RETRIEVAL_SYMBOLS);
    }
    for (int t = 0; t < T; t++) {
        int pair = draw(seed, number, 2 * t, RETRIEVAL_PAIRS);
        if (t == 0)
            write_token(out, at, bos ? RETRIEVAL_BOS : NOOP, -1, CLASS_OTHER);
        else if (t < QUERIES_FROM)
            write_token(out, at + t, t % 2 ? key[t / 2] : value[t / 2 - 1], -1, CLASS_OTHER);
        else if (rng_uniform(seed, RNG_TASK, step, (uint64_t)(2 * t + 1)) < noop)
            write_token(out, at + t, NOOP, RETRIEVAL_NOTHING, CLASS_NOOP);
        else
            write_token(out, at + t, key[pair], value[pair], CLASS_TRIGGER);
    }
}

static double known(const int32_t *x, int t) {
    (void)x, (void)t;
    return 0;
}

/* ---- the table ---- */

const LabelTask label_tasks[] = {
    {"trigger_mean", "abcdefghijklmnop?.", false, 3, mean_entropy, mean_row},
    {"retrieval", "ABCDEFGHIJKLMNOPabcdefghijklmnop-.", true, QUERIES_FROM + 1, known, retrieval_row},
    {0},
};

const LabelTask *label_task(const char *name) {
    for (const LabelTask *k = label_tasks; k->name; k++)
        if (!strcmp(k->name, name)) return k;
    return NULL;
}

int32_t label_bos(const LabelTask *k) {
    return (int32_t)strlen(k->symbols);
}

void label_train_row(const LabelTask *k, double noop, uint64_t seed, int64_t number, int T, int row,
                     Rows *out) {
    k->row(noop, seed, number, T, true, row, out);
}

void label_heldout_row(const LabelTask *k, double noop, int64_t number, int T, bool bos, int row, Rows *out) {
    k->row(noop, 0, HELDOUT_ROW + number, T, bos, row, out);
}

double label_oracle(const LabelTask *k, double noop) {
    int32_t x[LABELS_ORACLE_T], y[LABELS_ORACLE_T], doc_start[LABELS_ORACLE_T];
    int8_t kind[LABELS_ORACLE_T];
    Rows row = {x, y, doc_start, kind};
    double sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < LABELS_ORACLE_ROWS; i++) {
        label_heldout_row(k, noop, i, LABELS_ORACLE_T, true, 0, &row);
        for (int t = 0; t < LABELS_ORACLE_T; t++)
            if (kind[t] == CLASS_TRIGGER) sum += k->target_entropy(x, t), n++;
    }
    return n ? sum / (double)n : NAN;
}
