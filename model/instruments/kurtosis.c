/* Owns: kurtosis of the residual stream after a layer (arXiv 2405.19279): m4 / m2^2 of the channels of a
 * token about their mean, not excess (3 for a normal distribution), averaged over the tokens of a sequence
 * and over sequences. A token whose channels are all equal has none. */
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>

static void *open(const Probe *p) {
    Cells *c = instrument_memory(1, sizeof *c);
    *c = cells_make(p, 1, 1);
    return c;
}

static double kurtosis_of(const float *x, int d) {
    double centre = sum_floats(x, d) / d, m2 = 0, m4 = 0;
    for (int j = 0; j < d; j++) {
        double e = (double)x[j] - centre, square = e * e;
        m2 += square;
        m4 += square * square;
    }
    return m2 > 0 ? d * m4 / (m2 * m2) : NAN;
}

static double sequence_kurtosis(const View *v, int row) {
    const float *x = v->data + (int64_t)row * v->T * v->ld;
    double of[v->T];
    for (int t = 0; t < v->T; t++) of[t] = kurtosis_of(x + t * v->ld, v->width);
    return mean_of(of, v->T);
}

static void see(void *self, const View *v) {
    const Cells *c = self;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++) *cell(c, v->row0 + row, v->layer, 0) = sequence_kurtosis(v, row);
}

static void close(void *self, Figures *out) {
    Cells *c = self;
    cells_report(c, 0, &(Names){.layer = "kurtosis"}, out);
    cells_free(c);
    free(c);
}

const Instrument kurtosis = {
    .name = "kurtosis",
    .definition = "m4 / m2^2 (not excess) over the channels of a token, mean over tokens",
    .paper = "arXiv 2405.19279",
    .columns = "eval_layer.kurtosis",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_RESID,
    .see = see,
    .close = close,
};
