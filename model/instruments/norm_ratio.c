/* Owns: the residual norm ratio (arXiv 2510.06477, 2410.13835): |x_0| / median_{t>0} |x_t| of the
 * residual stream after a layer; with several documents in a row, the mean over their first tokens for
 * x_0. */
#include "model/instruments/cells.h"
#include "model/instruments/first_rest.h"
#include "model/instruments/stats.h"

#include <stdlib.h>

static void *open(const Probe *p) {
    Cells *c = instrument_memory(1, sizeof *c);
    *c = cells_make(p, 1, 1);
    return c;
}

static double ratio(const View *v, int row) {
    const float *x = v->data + (int64_t)row * v->T * v->ld;
    double norms[v->T];
    for (int t = 0; t < v->T; t++) norms[t] = norm_floats(x + t * v->ld, v->width);
    FirstRest n = first_rest(norms, v->doc_start + (int64_t)row * v->T, v->T);
    return quotient(n.first, n.rest);
}

static void see(void *self, const View *v) {
    const Cells *c = self;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++) *cell(c, v->row0 + row, v->layer, 0) = ratio(v, row);
}

static void close(void *self, Figures *out) {
    Cells *c = self;
    cells_report(c, 0, &(Names){NULL, "norm_ratio", "norm_ratio", highest_of}, out);
    cells_free(c);
    free(c);
}

const Instrument norm_ratio = {
    .name = "norm_ratio",
    .definition = "|x_0| / median_{t>0} |x_t| of the residual stream; of the model: largest over layers",
    .paper = "arXiv 2510.06477, 2410.13835",
    .columns = "eval.norm_ratio, eval_layer.norm_ratio",
    .cost = LIGHT,
    .open = open,
    .taps = 1 << TAP_RESID,
    .see = see,
    .close = close,
};
