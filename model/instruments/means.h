/* Owns: the state of instruments that have no more than a few figures of a sequence, whose means over the
 * sequences are handed over. Does not own: any definition, nor states that hold more (cells.h). */
#ifndef SINKLAB_MEANS_H
#define SINKLAB_MEANS_H

#include "model/instruments/cells.h"
#include "model/instruments/queries.h"

enum { MEANS_FIGURES = 2 };

/* One of `of` and `add`. */
typedef struct Means {
    int figures;
    Names names[MEANS_FIGURES];
    bool by_head; /* else one figure a layer, and head 0 */
    /* The figures of a row and head of a view, NAN where undefined. One tap: a second would overwrite them.
     */
    void (*of)(const View *v, int row, int head, Visible visible, double *figures);
    /* Adds a query's to the sums, of which the mean is taken; false: the query does not count. */
    bool (*add)(const Query *x, Visible visible, double *sums);
} Means;

void *means_open(const Probe *p, const Means *m);
void means_see(void *self, const View *v);
void means_weights(void *self, const Weights *w);
void means_close(void *self, Figures *out);

#endif
