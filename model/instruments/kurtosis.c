/* Owns: kurtosis of the residual stream after a layer (arXiv 2405.19279): m4 / m2^2 of the channels of a
 * token about their mean, not excess (3 for a normal distribution), averaged over the tokens of a sequence
 * and over sequences. A token whose channels are all equal has none. */
#include "model/instruments/means.h"
#include "model/instruments/stats.h"

#include <math.h>

static double kurtosis_of(const float *x, int d) {
    double centre = sum_floats(x, d) / d, m2 = 0, m4 = 0;
    for (int j = 0; j < d; j++) {
        double e = (double)x[j] - centre, square = e * e;
        m2 += square;
        m4 += square * square;
    }
    return m2 > 0 ? d * m4 / (m2 * m2) : NAN;
}

static void sequence_kurtosis(const View *v, int row, int head, Visible visible, double *figure) {
    (void)head, (void)visible;
    const float *x = v->data + (int64_t)row * v->T * v->ld;
    double of[v->T];
    for (int t = 0; t < v->T; t++) of[t] = kurtosis_of(x + t * v->ld, v->width);
    *figure = mean_of(of, v->T);
}

const Instrument kurtosis = {
    .name = "kurtosis",
    .definition = "m4 / m2^2 (not excess) over the channels of a token, mean over tokens",
    .paper = "arXiv 2405.19279",
    .columns = "eval_layer.kurtosis",
    .cost = HEAVY,
    .means = &(const Means){.figures = 1, .names = {{.layer = "kurtosis"}}, .of = sequence_kurtosis},
    .taps = 1 << TAP_RESID,
    .see = means_see,
    .close = means_close,
};
