/* Owns: local mass, the late phase of arXiv 2510.06477: means of A[q,q] and A[q,q-1] over the queries
 * that see at least two keys (q >= 1 without a mask). */
#include "model/instruments/means.h"

enum { DIAGONAL, PREVIOUS };

static bool add(const Query *x, Visible visible, double *sums) {
    (void)visible;
    if (x->q == x->first) return false;
    double scale = weight_scale(x->w, x->A, x->first, x->last);
    sums[DIAGONAL] += scale * (double)fabsf(x->A[x->q]);
    sums[PREVIOUS] += scale * (double)fabsf(x->A[x->q - 1]);
    return true;
}

const Instrument local_mass = {
    .name = "local_mass",
    .definition = "means over q >= 1 of A[q,q] and A[q,q-1]",
    .paper = "arXiv 2510.06477",
    .columns = "eval_head.diagonal, eval_head.previous",
    .cost = LIGHT,
    .means = &(const Means){.figures = 2,
                            .names = {[DIAGONAL] = {.head = "diagonal"}, [PREVIOUS] = {.head = "previous"}},
                            .by_head = true,
                            .add = add},
    .weights = means_weights,
    .close = means_close,
};
