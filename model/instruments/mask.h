/* Owns: which keys a query sees and which of them is its first ("First" of the instruments: position
 * 0, or under a document mask the first position of the query's own document), and the weights that
 * instruments read where a kind of attention does not normalise. Owns no figure. */
#ifndef SINKLAB_MASK_H
#define SINKLAB_MASK_H

#include "model/instruments/stats.h"
#include "model/tap.h"

#include <math.h>

/* First key that query q sees: of its document, and within the window (0: none). */
static inline int first_key(const int32_t *lo, int q, int window) {
    int from = window ? q - window + 1 : 0;
    return from > lo[q] ? from : lo[q];
}

/* Whether q sees the first key of its own document. */
static inline bool sees_first(const int32_t *lo, int q, int window) {
    return first_key(lo, q, window) == lo[q];
}

/* Whether position t is the first of its document. */
static inline bool is_first(const int32_t *lo, int t) {
    return lo[t] == t;
}

/* Number of queries that see key k. Documents follow each other, so these are k .. end - 1; `end` is
 * kept from one k to the next, in ascending order of k, and starts at 0. */
static inline int queries_of(const int32_t *lo, int T, int window, int k, int *end) {
    while (*end < T && first_key(lo, *end, window) <= k) ++*end;
    return *end - k;
}

/* Weight of query q on key k is fabsf(A[k]) times this: 1 for kinds that sum to one, else the proxy
 * |A| / sum |A| of arXiv 2410.10781 (0 for a row without mass). */
static inline double weight_scale(const Weights *w, const float *A, int first, int q) {
    if (!w->unnormalised) return 1;
    double sum = sum_abs(A + first, q - first + 1);
    return sum > 0 ? 1 / sum : 0;
}

/* Whether this is the last block of its row and head. */
static inline bool last_block(const Weights *w) {
    return w->q0 + w->nq == w->T;
}

#endif
