/* Owns: local mass, the late phase of arXiv 2510.06477: means of A[q,q] and A[q,q-1] over the queries
 * that see at least two keys (q >= 1 without a mask). */
#include "model/instruments/queries.h"

enum { DIAGONAL, PREVIOUS, FIGURES };

static void *open(const Probe *p) {
    return head_cells_open(p, FIGURES + 1);
}

static bool add(const Query *x, Visible visible, double *sums) {
    (void)visible;
    if (x->q == x->first) return false;
    double scale = weight_scale(x->w, x->A, x->first, x->last);
    sums[DIAGONAL] += scale * (double)fabsf(x->A[x->q]);
    sums[PREVIOUS] += scale * (double)fabsf(x->A[x->q - 1]);
    return true;
}

static void weights(void *self, const Weights *w) {
    head_cells_mean(self, w, add);
}

static void close(void *self, Figures *out) {
    HeadCells *s = self;
    cells_report(&s->cells, DIAGONAL, &(Names){.head = "diagonal"}, out);
    cells_report(&s->cells, PREVIOUS, &(Names){.head = "previous"}, out);
    head_cells_free(s);
}

const Instrument local_mass = {
    .name = "local_mass",
    .definition = "means over q >= 1 of A[q,q] and A[q,q-1]",
    .paper = "arXiv 2510.06477",
    .columns = "eval_head.diagonal, eval_head.previous",
    .cost = LIGHT,
    .open = open,
    .weights = weights,
    .close = close,
};
