/* Owns: tasks whose targets are labels of the input tokens, not the next tokens, and where most tokens leave
 * a head nothing to do: what it must do then is known, and every token has a class. Does not own:
 * Bigram-Backcopy, whose rows go on as a text does (data/backcopy.h).
 *
 * trigger_mean (arXiv 2603.11487, in tokens in place of vectors): x_0 = BOS, x_1 a letter, then at each
 *     position the trigger with probability 1/8, else one of 16 letters. At a trigger the target is drawn
 * from the letters before it, so that the best prediction is their mean as one-hot vectors; elsewhere it is
 * the symbol of nothing, which is no input. retrieval (after the dial of arXiv 2609.08574): BOS, then 8 pairs
 * of a key, each another one of 16, and a value, one of 16; then at each position a no-op with probability
 * `noop`, else one of the 8 keys again. At such a query the target is the key's value, at a no-op nothing;
 * the pairs are not scored.
 *
 * Rows are pure functions of (seed, row), and a shorter row is the beginning of a longer one; held-out rows
 * have row numbers of their own. Without BOS, x_0 is a letter, or a no-op. */
#ifndef SINKLAB_LABELS_H
#define SINKLAB_LABELS_H

#include "data/data.h"

enum {
    LABELS_HELDOUT = 1 << 20, /* held-out tokens */
    LABELS_ORACLE_ROWS = 512, /* the oracle's sample: held-out rows ... */
    LABELS_ORACLE_T = 256,    /* ... of this length */
    MEAN_LETTERS = 16,
    RETRIEVAL_PAIRS = 8,
    RETRIEVAL_SYMBOLS = 16,                     /* keys, and values */
    MEAN_VOCAB = MEAN_LETTERS + 3,              /* trigger, nothing, BOS */
    RETRIEVAL_VOCAB = 2 * RETRIEVAL_SYMBOLS + 3 /* no-op, nothing, BOS */
};

typedef struct LabelTask {
    const char *name;
    const char *symbols; /* a character each, in the order of their numbers; BOS is the number after them */
    bool noops;          /* some tokens are CLASS_NOOP */
    int shortest;        /* row that has a target */
    double (*target_entropy)(const int32_t *x, int t); /* of the true conditional at t, nats */
    void (*row)(double noop, uint64_t seed, int64_t number, int T, bool bos, int row, Rows *out);
} LabelTask;

extern const LabelTask label_tasks[]; /* ends with a row without a name */

/* The row of that name; NULL: no such task. */
const LabelTask *label_task(const char *name);
int32_t label_bos(const LabelTask *k);

/* Writes T positions of training row `number` of `seed`, or of held-out row `number`, to row `row` of out. */
void label_train_row(const LabelTask *k, double noop, uint64_t seed, int64_t number, int T, int row,
                     Rows *out);
void label_heldout_row(const LabelTask *k, double noop, int64_t number, int T, bool bos, int row, Rows *out);

/* Mean entropy in nats of the true conditional over the triggers (or queries) of the oracle's sample. */
double label_oracle(const LabelTask *k, double noop);

#endif
