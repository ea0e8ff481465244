/* Owns: the histogram of a head's sink masses over the sequences (arXiv 2410.10781: a sink is a mass above
 * eps, and eps is a choice): how many lie in (b/100, (b+1)/100], b = 0 .. 99, a mass of 0 in b = 0, so that
 * the sequences of bins >= b are those whose mass is strictly above b/100, for every b > 0; empty bins are
 * not handed over. Weights are those of Heads.first: of kinds that need not sum to one the proxy. */
#include "model/instruments/cells.h"
#include "model/instruments/first_keys.h"

#include <stdlib.h>

enum { BINS = 100 };

typedef struct State {
    Cells cells;
    Visible visible;
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    *s = (State){cells_make(p, (int)p->m->config.heads, 1), visible_of(&p->m->config)};
    return s;
}

static double mass_of(const float *first, const int32_t *doc_start, int T, Visible visible) {
    double sum = 0;
    int seen = 0;
    for (int q = 0; q < T; q++) {
        if (!visible_first(visible, doc_start, q)) continue;
        sum += (double)first[q];
        seen++;
    }
    return sum / seen;
}

static void see(void *self, const View *v) {
    const State *s = self;
    int heads = s->cells.heads;
    for (int row = 0; row < v->rows; row++)
        for (int h = 0; h < heads; h++)
            *cell(&s->cells, v->row0 + row, v->layer, h) =
                mass_of(v->heads->first + ((int64_t)row * heads + h) * v->T,
                        v->doc_start + (int64_t)row * v->T, v->T, s->visible);
}

/* The largest b with mass > b/100, compared as b/100 is written in SQL. */
static int bin_of(double mass) {
    int b = 0;
    while (b + 1 < BINS && mass > (b + 1) / 100.0) b++;
    return b;
}

static void close(void *self, Figures *out) {
    State *s = self;
    for (int l = 0; l < s->cells.layers; l++)
        for (int h = 0; h < s->cells.heads; h++) {
            int sequences[BINS] = {0};
            for (int row = 0; row < s->cells.rows; row++) {
                double mass = *cell(&s->cells, row, l, h);
                if (!isnan(mass)) sequences[bin_of(mass)]++;
            }
            for (int b = 0; b < BINS; b++)
                if (sequences[b]) figures_add_bin(out, "sequences", l, h, b, sequences[b]);
        }
    cells_free(&s->cells);
    free(s);
}

const Instrument mass_histogram = {
    .name = "mass_histogram",
    .definition = "number of sequences whose mass of the first key lies in (b/100, (b+1)/100], by head",
    .paper = "arXiv 2410.10781",
    .columns = "eval_mass.sequences, view sink_rate_at",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_ATTN_OUT,
    .see = see,
    .close = close,
};
