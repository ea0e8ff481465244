/* Owns: the walk of an instrument over the queries of a block of weights. Does not own: what is found. */
#ifndef SINKLAB_QUERIES_H
#define SINKLAB_QUERIES_H

#include "model/instruments/cells.h"
#include "model/instruments/first_keys.h"

/* One query: its weights A, and the keys first .. last, outside which the query sees none. */
typedef struct Query {
    const Weights *w;
    const float *A;
    int q, first, last;
    bool sees_first; /* the first key of its document */
} Query;

/* Query i of the block. */
static inline Query query_at(const Weights *w, Visible visible, int i) {
    int q = w->q0 + i;
    return (Query){w,
                   w->A + i * w->ld,
                   q,
                   first_key(w->doc_start, q, visible),
                   visible_to(visible, w->doc_start, w->T, q),
                   visible_first(visible, w->doc_start, q)};
}

#endif
