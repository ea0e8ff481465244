/* Owns: which keys a query sees and which of them is its first ("First" of the instruments: position
 * 0, or under a document mask the first position of the query's own document), and the weights that
 * instruments read where a kind of attention does not normalise. Does not own: any figure, how far a
 * window and a prefix let a query see (model/visible.h). */
#ifndef SINKLAB_FIRST_KEYS_H
#define SINKLAB_FIRST_KEYS_H

#include "model/instruments/stats.h"
#include "model/tap.h"
#include "model/visible.h"

#include <math.h>

/* First key that query q sees: its document's where the window reaches or keeps it, else the window's. */
static inline int first_key(const int32_t *doc_start, int q, Visible s) {
    return s.keep ? doc_start[q] : visible_from(s, doc_start, q);
}

/* Whether position t is the first of its document. */
static inline bool is_first(const int32_t *doc_start, int t) {
    return doc_start[t] == t;
}

/* Number of queries that see key k: k .. end - 1, since documents follow each other (`end` is kept from one k
 * to the next, in ascending order of k, and starts at 0), all later ones of its document when the window
 * keeps it, and the earlier ones of its document when both are of the prefix. */
static inline int queries_of(const int32_t *doc_start, int T, Visible s, int k, int *end) {
    while (*end < T && visible_from(s, doc_start, *end) <= k) ++*end;
    int last = *end, ahead = k < s.prefix ? k - doc_start[k] : 0;
    while (k < doc_start[k] + s.keep && last < T && doc_start[last] <= k) last++;
    return last - k + ahead;
}

/* Weight of query q on key k is fabsf(A[k]) times this: 1 for kinds that sum to one, else the proxy
 * |A| / sum |A| of arXiv 2410.10781 (0 for a row without mass). Keys first .. last hold all that q sees. */
static inline double weight_scale(const Weights *w, const float *A, int first, int last) {
    if (!w->unnormalised) return 1;
    double sum = sum_abs(A + first, last - first + 1);
    return sum > 0 ? 1 / sum : 0;
}

/* Whether this is the last block of its row and head. */
static inline bool last_block(const Weights *w) {
    return w->q0 + w->nq == w->T;
}

#endif
