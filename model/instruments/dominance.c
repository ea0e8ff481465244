/* Owns: dimension dominance (arXiv 2605.06611): DomRatio(x_t) = max_j |x_tj| / mean_j |x_tj| of the
 * residual stream after a layer, of the first token (the mean over first tokens when a row has several
 * documents) and the median of the rest. */
#include "model/instruments/cells.h"
#include "model/instruments/first_rest.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>

enum { OF_FIRST, OF_REST, WIDTH };

static void *open(const Probe *p) {
    Cells *c = instrument_memory(1, sizeof *c);
    *c = cells_make(p, 1, WIDTH);
    return c;
}

static double dom_ratio(const float *x, int d) {
    float most = 0;
    for (int j = 0; j < d; j++) most = fabsf(x[j]) > most ? fabsf(x[j]) : most;
    return quotient((double)most, sum_abs(x, d) / d);
}

static void one_sequence(const View *v, int row, double *c) {
    const float *x = v->data + (int64_t)row * v->T * v->ld;
    double ratios[v->T];
    for (int t = 0; t < v->T; t++) ratios[t] = dom_ratio(x + t * v->ld, v->width);
    FirstRest r = first_rest(ratios, v->doc_start + (int64_t)row * v->T, v->T);
    c[OF_FIRST] = r.first;
    c[OF_REST] = r.rest;
}

static void see(void *self, const View *v) {
    const Cells *c = self;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++) one_sequence(v, row, cell(c, v->row0 + row, v->layer, 0));
}

static void close(void *self, Figures *out) {
    Cells *c = self;
    cells_report(c, OF_FIRST, &(Names){.layer = "dom_ratio_first"}, out);
    cells_report(c, OF_REST, &(Names){.layer = "dom_ratio_rest"}, out);
    cells_free(c);
    free(c);
}

const Instrument dominance = {
    .name = "dominance",
    .definition = "DomRatio: max_j |x_tj| / mean_j |x_tj| at t = 0 and the median of the rest",
    .paper = "arXiv 2605.06611",
    .columns = "eval_layer.dom_ratio_first, eval_layer.dom_ratio_rest",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_RESID,
    .see = see,
    .close = close,
};
