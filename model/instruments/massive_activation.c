/* Owns: massive activations (arXiv 2402.17762): of the residual stream after a layer, per sequence, the
 * largest |x|, its channel and position, the median |x| over positions and channels, their ratio, and
 * Sun's rule: |x| > 100 and >= 1000 x the median. Averaged over sequences; channel and position are the
 * most frequent ones. */
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOP, MEDIAN, RATIO, CHANNEL, POSITION, SUN, WIDTH };

static void *open(const Probe *p) {
    Cells *c = instrument_memory(1, sizeof *c);
    *c = cells_make(p, 1, WIDTH);
    return c;
}

enum { DIGIT = 11, DIGITS = 3, BINS = 1 << DIGIT };

/* The k-th smallest |x| (from 0) of one sequence, and how many are not above it. The bits of floats
 * without their sign sort like the floats, so three rounds of counting digits find it. */
static uint32_t select_bits(const uint32_t *bits, int64_t n, int64_t k, int64_t *not_above) {
    uint32_t prefix = 0, mask = 0;
    int64_t below = 0, count = 0;
    for (int d = DIGITS - 1; d >= 0; d--) {
        int32_t bins[BINS] = {0};
        int shift = d * DIGIT;
        for (int64_t i = 0; i < n; i++)
            if ((bits[i] & mask) == prefix) bins[bits[i] >> shift & (BINS - 1)]++;
        uint32_t b = 0;
        while (below + bins[b] <= k) below += bins[b++];
        count = bins[b];
        prefix |= b << shift;
        mask |= (uint32_t)(BINS - 1) << shift;
    }
    *not_above = below + count;
    return prefix;
}

static double as_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return (double)x;
}

static double median_bits(const uint32_t *bits, int64_t n) {
    int64_t not_above;
    uint32_t low = select_bits(bits, n, (n - 1) / 2, &not_above), high = low;
    if (n / 2 >= not_above) {
        high = UINT32_MAX;
        for (int64_t i = 0; i < n; i++)
            if (bits[i] > low && bits[i] < high) high = bits[i];
    }
    return 0.5 * (as_float(low) + as_float(high));
}

/* bits: room for T width words. */
static void one_sequence(const View *v, int row, uint32_t *bits, double *c) {
    const float *x = v->data + (int64_t)row * v->T * v->ld;
    int64_t n = (int64_t)v->T * v->width, at = 0;
    uint32_t top = 0;
    for (int t = 0; t < v->T; t++)
        for (int j = 0; j < v->width; j++) {
            uint32_t b;
            memcpy(&b, &x[t * v->ld + j], sizeof b);
            bits[(int64_t)t * v->width + j] = b & INT32_MAX;
        }
    for (int64_t i = 0; i < n; i++)
        if (bits[i] > top) {
            top = bits[i];
            at = i;
        }
    c[TOP] = as_float(top);
    c[MEDIAN] = median_bits(bits, n);
    c[RATIO] = quotient(c[TOP], c[MEDIAN]);
    c[CHANNEL] = (double)(at % v->width);
    c[POSITION] = (double)(at / v->width);
    c[SUN] = c[TOP] > 100 && c[TOP] >= 1000 * c[MEDIAN];
}

static void see(void *self, const View *v) {
    const Cells *c = self;
#pragma omp parallel
    {
        uint32_t *bits = instrument_memory((size_t)v->T * v->width, sizeof *bits);
#pragma omp for schedule(static)
        for (int row = 0; row < v->rows; row++)
            one_sequence(v, row, bits, cell(c, v->row0 + row, v->layer, 0));
        free(bits);
    }
}

static void close(void *self, Figures *out) {
    Cells *c = self;
    cells_report(c, TOP, &(Names){.layer = "massive_top"}, out);
    cells_report(c, MEDIAN, &(Names){.layer = "massive_median"}, out);
    cells_report(c, RATIO, &(Names){NULL, "massive_ratio", "massive_ratio", highest_of}, out);
    cells_report(c, SUN, &(Names){.layer = "massive_sun"}, out);
    for (int l = 0; l < c->layers; l++) {
        figures_add(out, "massive_channel", l, -1, cells_mode(c, l, 0, CHANNEL));
        figures_add(out, "massive_position", l, -1, cells_mode(c, l, 0, POSITION));
    }
    cells_free(c);
    free(c);
}

const Instrument massive_activation = {
    .name = "massive_activation",
    .definition =
        "largest |x| of the residual stream, median |x|, their ratio, channel, position, Sun's rule",
    .paper = "arXiv 2402.17762",
    .columns = "eval.massive_ratio, eval_layer.massive_top, massive_median, massive_ratio, massive_channel, "
               "massive_position, massive_sun",
    .cost = LIGHT,
    .open = open,
    .taps = 1 << TAP_RESID,
    .see = see,
    .close = close,
};
