/* Owns: the walk of an instrument over the queries of a block of weights, the mean of what it finds over
 * those that count, and the state of instruments that have no more than that. Does not own: what is found. */
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

/* Cells by head, with what tells who sees whom. */
typedef struct HeadCells {
    Cells cells;
    Visible visible;
} HeadCells;

HeadCells *head_cells_open(const Probe *p, int width);
void head_cells_free(HeadCells *s);

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

/* Adds a query's `width` quantities to a cell's sums; false: the query does not count. */
typedef bool QueryFigures(const Query *x, Visible visible, double *sums);

/* Means of `width` quantities over the queries that count: cells of width + 1, whose last is their number. */
void head_cells_mean(const HeadCells *s, const Weights *w, QueryFigures *add);

#endif
