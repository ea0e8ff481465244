/* Owns: the synthetic task Bigram-Backcopy (Guo et al., arXiv 2410.13835): its symbols, its
 * bigram table, its rows and its oracle losses.
 * Does not own: the corpus that the table is counted on.
 *
 * Symbols 0..63 are the 64 most frequent bytes of the text (ties: the smaller byte first), 64 is
 * every other byte, 65 is BOS; a text with fewer different bytes leaves the last ones unused. The
 * 3 most frequent, 0 1 2, are the triggers. The text counts as a circle, so that every symbol has
 * a successor. A row is
 *     x_0 = BOS,  x_1 ~ the marginal without triggers,
 *     x_{t+1} = x_{t-1} if x_t is a trigger, else ~ P(. | x_t).
 * A copied trigger triggers again. Rows are pure functions of (seed, row), and a shorter row is
 * the beginning of a longer one; held-out rows have row numbers of their own. */
#ifndef SINKLAB_BACKCOPY_H
#define SINKLAB_BACKCOPY_H

#include "data/cache.h"

enum {
    BACKCOPY_BYTES = 64,
    BACKCOPY_SYMBOLS = 65, /* with "other" */
    BACKCOPY_BOS = 65,
    BACKCOPY_VOCAB = 66,
    BACKCOPY_TRIGGERS = 3,
    BACKCOPY_ORACLE_ROWS = 4096, /* the oracle's sample: held-out rows ... */
    BACKCOPY_ORACLE_T = 256,     /* ... of this length */
    BACKCOPY_HELDOUT = 1 << 20   /* held-out tokens */
};

/* Counts, cumulative over symbols: c[j] - c[j-1] is the weight of j, the last is the total. */
typedef struct Weights {
    int64_t cumulative[BACKCOPY_SYMBOLS];
} Weights;

typedef struct Backcopy {
    uint8_t symbol[256];            /* of a byte */
    uint8_t byte[BACKCOPY_SYMBOLS]; /* of a symbol; '?' for "other" and unused ones */
    Weights first;                  /* x_1: the marginal without triggers */
    Weights next[BACKCOPY_SYMBOLS]; /* P(. | symbol) */
    double oracle_other;            /* mean entropy in nats of the true conditional over the positions
                                       of the sample whose input is no trigger, BOS among them; at
                                       triggers it is 0 */
} Backcopy;

typedef struct BigramCounts { /* [first byte][second byte] */
    int64_t of[256][256];
} BigramCounts;

/* Adds the pairs of bytes of a text taken as a circle. */
void bigram_count(BigramCounts *counts, const char *text, int64_t size);

/* Builds the task. An error (EXIT_USAGE) when the text has too few different bytes. */
bool backcopy_build(Backcopy *b, const BigramCounts *counts, const char *source, Error *e);

/* The task from a source, whose bigrams are counted once and cached. */
bool backcopy_open(Backcopy *b, CacheEntry *entry, const char *source, const char *cache_dir,
                   void (*say)(const char *line), Error *e);

/* Probability of symbol j. */
double weights_share(const Weights *w, int j);

/* Writes T positions of training row `number` of `seed`, or of held-out row `number` (whatever the
 * seed), to row `row` of out. Without `bos`, x_0 is drawn as x_1 is. */
void backcopy_train_row(const Backcopy *b, uint64_t seed, int64_t number, int T, int row, Rows *out);
void backcopy_heldout_row(const Backcopy *b, int64_t number, int T, bool bos, int row, Rows *out);

#endif
