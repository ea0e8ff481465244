/* Owns: phase labels by depth (arXiv 2510.06477), as metric `phase` of a layer. The rule, on the layer's
 * figures that other instruments have handed over, layers in ascending order:
 *   2 compress  where the norm ratio is above 3 and H / ln min(T,d) below 0.5;
 *   3 refine    elsewhere after a layer that compresses;
 *   1 mix       elsewhere where the mixing score is above 0.7;
 *   0 none      elsewhere.
 * 3 and 0.5 are the thresholds by which their onsets are dated, 0.7 is the paper's for its first phase.
 * Must stand after those instruments in the table; hands over nothing where their figures are missing. */
#include "model/instruments/cells.h"

#include <math.h>
#include <stdlib.h>

enum { NONE, MIX, COMPRESS, REFINE };

static void *open(const Probe *p) {
    int *layers = instrument_memory(1, sizeof *layers);
    *layers = (int)p->m->config.layers;
    return layers;
}

static int phase_of(double ratio, double entropy, double mixing, bool compressed) {
    if (ratio > 3 && entropy < 0.5) return COMPRESS;
    if (compressed) return REFINE;
    return mixing > 0.7 ? MIX : NONE;
}

static void close(void *self, Figures *out) {
    int layers = *(int *)self;
    bool compressed = false;
    for (int l = 0; l < layers; l++) {
        double ratio = figures_get(out, "norm_ratio", l, -1);
        double entropy = figures_get(out, "entropy_norm", l, -1);
        double mixing = figures_get(out, "mixing", l, -1);
        if (isnan(ratio) || isnan(entropy) || isnan(mixing)) continue;
        int phase = phase_of(ratio, entropy, mixing, compressed);
        compressed |= phase == COMPRESS;
        figures_add(out, "phase", l, -1, phase);
    }
    free(self);
}

const Instrument phases = {
    .name = "phases",
    .definition = "2 compress: norm ratio > 3 and H / ln min(T,d) < 0.5; 3 refine: after such a layer; "
                  "1 mix: mixing score > 0.7; 0: none",
    .paper = "arXiv 2510.06477",
    .columns = "metric phase",
    .cost = HEAVY,
    .open = open,
    .close = close,
};
