/* Owns: rank collapse (arXiv 2504.02732): |X - 1 xbar^T|_F / |X|_F of the residual stream after a layer,
 * xbar the mean row; 0 when all tokens have become one vector. And that of the rows after the first alone:
 * one long row, as a massive activation makes it, stands apart from the others by itself, however alike they
 * are. */
#include "model/instruments/means.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <string.h>

enum { ALL, REST, FIGURES };

static double collapse_of(const float *X, int rows, int64_t ld, int d) {
    double centre[d], apart = 0, all = 0;
    memset(centre, 0, sizeof centre);
    for (int t = 0; t < rows; t++)
        for (int j = 0; j < d; j++) centre[j] += (double)X[t * ld + j] / rows;
    for (int t = 0; t < rows; t++) {
        const float *x = X + t * ld;
        for (int j = 0; j < d; j++) apart += ((double)x[j] - centre[j]) * ((double)x[j] - centre[j]);
        all += dot_floats(x, x, d);
    }
    return sqrt(quotient(apart, all));
}

static void collapse(const View *v, int row, int head, Visible visible, double *figure) {
    (void)head, (void)visible;
    const float *X = v->data + (int64_t)row * v->T * v->ld;
    figure[ALL] = collapse_of(X, v->T, v->ld, v->width);
    figure[REST] = collapse_of(X + v->ld, v->T - 1, v->ld, v->width);
}

const Instrument rank_collapse = {
    .name = "rank_collapse",
    .definition = "|X - 1 xbar^T|_F / |X|_F; rest: of the rows after the first",
    .paper = "arXiv 2504.02732",
    .columns = "metric rank_collapse, rank_collapse_rest",
    .cost = HEAVY,
    .means = &(
        const Means){.figures = FIGURES,
                     .names = {[ALL] = {.layer = "rank_collapse"}, [REST] = {.layer = "rank_collapse_rest"}},
                     .of = collapse},
    .taps = 1 << TAP_RESID,
    .see = means_see,
    .close = means_close,
};
