/* Owns: dimension dominance (arXiv 2605.06611): DomRatio(x_t) = max_j |x_tj| / mean_j |x_tj| of the
 * residual stream after a layer, of the first token (the mean over first tokens when a row has several
 * documents) and the median of the rest. */
#include "model/instruments/dominance.h"
#include "model/instruments/first_rest.h"
#include "model/instruments/means.h"
#include "model/instruments/stats.h"

#include <math.h>

double dom_ratio(const float *x, int d) {
    float most = 0;
    for (int j = 0; j < d; j++) most = fabsf(x[j]) > most ? fabsf(x[j]) : most;
    return quotient((double)most, sum_abs(x, d) / d);
}

static void first_and_rest(const View *v, int row, int head, Visible visible, double *figures) {
    (void)head, (void)visible;
    const float *x = v->data + (int64_t)row * v->T * v->ld;
    double ratios[v->T];
    for (int t = 0; t < v->T; t++) ratios[t] = dom_ratio(x + t * v->ld, v->width);
    FirstRest r = first_rest(ratios, v->doc_start + (int64_t)row * v->T, v->T);
    figures[0] = r.first;
    figures[1] = r.rest;
}

const Instrument dominance = {
    .name = "dominance",
    .definition = "DomRatio: max_j |x_tj| / mean_j |x_tj| at t = 0 and the median of the rest",
    .paper = "arXiv 2605.06611",
    .columns = "eval_layer.dom_ratio_first, eval_layer.dom_ratio_rest",
    .cost = HEAVY,
    .means = &(const Means){.figures = 2,
                            .names = {{.layer = "dom_ratio_first"}, {.layer = "dom_ratio_rest"}},
                            .of = first_and_rest},
    .taps = 1 << TAP_RESID,
    .see = means_see,
    .close = means_close,
};
