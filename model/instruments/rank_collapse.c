/* Owns: rank collapse (arXiv 2504.02732): |X - 1 xbar^T|_F / |X|_F of the residual stream after a layer,
 * xbar the mean row; 0 when all tokens have become one vector. */
#include "model/instruments/means.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <string.h>

static void collapse(const View *v, int row, int head, Visible visible, double *figure) {
    (void)head, (void)visible;
    const float *X = v->data + (int64_t)row * v->T * v->ld;
    int d = v->width;
    double centre[d], apart = 0, all = 0;
    memset(centre, 0, sizeof centre);
    for (int t = 0; t < v->T; t++)
        for (int j = 0; j < d; j++) centre[j] += (double)X[t * v->ld + j] / v->T;
    for (int t = 0; t < v->T; t++) {
        const float *x = X + t * v->ld;
        for (int j = 0; j < d; j++) apart += ((double)x[j] - centre[j]) * ((double)x[j] - centre[j]);
        all += dot_floats(x, x, d);
    }
    *figure = sqrt(quotient(apart, all));
}

const Instrument rank_collapse = {
    .name = "rank_collapse",
    .definition = "|X - 1 xbar^T|_F / |X|_F",
    .paper = "arXiv 2504.02732",
    .columns = "metric rank_collapse",
    .cost = HEAVY,
    .means = &(const Means){.figures = 1, .names = {{.layer = "rank_collapse"}}, .of = collapse},
    .taps = 1 << TAP_RESID,
    .see = means_see,
    .close = means_close,
};
