/* Owns: rank collapse (arXiv 2504.02732): |X - 1 xbar^T|_F / |X|_F of the residual stream after a layer,
 * xbar the mean row; 0 when all tokens have become one vector. */
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *open(const Probe *p) {
    Cells *c = instrument_memory(1, sizeof *c);
    *c = cells_make(p, 1, 1);
    return c;
}

static double collapse(const View *v, int row) {
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
    return sqrt(quotient(apart, all));
}

static void see(void *self, const View *v) {
    const Cells *c = self;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++) *cell(c, v->row0 + row, v->layer, 0) = collapse(v, row);
}

static void close(void *self, Figures *out) {
    Cells *c = self;
    cells_report(c, 0, &(Names){.layer = "rank_collapse"}, out);
    cells_free(c);
    free(c);
}

const Instrument rank_collapse = {
    .name = "rank_collapse",
    .definition = "|X - 1 xbar^T|_F / |X|_F",
    .paper = "arXiv 2504.02732",
    .columns = "metric rank_collapse",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_RESID,
    .see = see,
    .close = close,
};
