/* Owns: super neurons (arXiv 2605.06611): the MLP's hidden units of a layer ranked by |mean activation|
 * at row position 0 over the sequences. The top one; its |mean activation| over the median of the units, and
 * over their mean, which is more than 0 where most units are silent (relu, reglu); the share of the output
 * energy at position 0 in the top 8, where unit i has the energy mean(s_i^2) |w_i|^2 with w_i its column of
 * the down-projection; the share of the top unit's |w_i|^2 in its 4 largest channels; and the mean cosine of
 * the normed x_0 and its gate row (its row of the first projection where the MLP has no gate). */
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"
#include "model/slots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOP_UNITS = 8, TOP_CHANNELS = 4 };

/* Sums over the sequences, at position 0. */
typedef struct LayerSums {
    double *s, *s_sq; /* (f) activations and their squares */
    double *x;        /* (d) x_0 / |x_0| */
} LayerSums;

typedef struct State {
    const Model *m;
    int rows, d, f, layers;
    LayerSums *layer;
    double *memory;
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    *s =
        (State){p->m, p->rows, (int)p->m->config.width, (int)p->m->config.mlp_width, (int)p->m->config.layers,
                NULL, NULL};
    size_t one = 2 * (size_t)s->f + (size_t)s->d;
    s->layer = instrument_memory((size_t)s->layers, sizeof *s->layer);
    s->memory = instrument_memory((size_t)s->layers * one, sizeof *s->memory);
    for (int l = 0; l < s->layers; l++) {
        double *at = s->memory + (size_t)l * one;
        s->layer[l] = (LayerSums){at, at + s->f, at + 2 * s->f};
    }
    return s;
}

static void see(void *self, const View *v) {
    State *s = self;
    LayerSums *sums = &s->layer[v->layer];
    for (int row = 0; row < v->rows; row++) {
        const float *first = v->data + (int64_t)row * v->T * v->ld;
        double norm = norm_floats(first, v->width);
        for (int i = 0; i < v->width; i++) {
            double x = (double)first[i];
            if (v->at == TAP_MLP_HIDDEN) {
                sums->s[i] += x;
                sums->s_sq[i] += x * x;
            } else if (norm > 0) {
                sums->x[i] += x / norm;
            }
        }
    }
}

/* Indices of the n largest of x, the largest first. */
static void top_of(const double *x, int f, int *top, int n) {
    for (int k = 0; k < n; k++) {
        top[k] = -1;
        for (int i = 0; i < f; i++) {
            bool taken = false;
            for (int j = 0; j < k; j++) taken |= top[j] == i;
            if (!taken && (top[k] < 0 || x[i] > x[top[k]])) top[k] = i;
        }
    }
}

/* Share of the squared norm of column `unit` of W_down (d, f) in its largest channels. */
static double sparsity(const float *down, int d, int f, int unit) {
    double *squares = instrument_memory((size_t)d, sizeof *squares), all = 0, in_top = 0;
    int top[TOP_CHANNELS], n = d < TOP_CHANNELS ? d : TOP_CHANNELS;
    for (int j = 0; j < d; j++) {
        double w = (double)down[(int64_t)j * f + unit];
        squares[j] = w * w;
        all += w * w;
    }
    top_of(squares, d, top, n);
    for (int k = 0; k < n; k++) in_top += squares[top[k]];
    free(squares);
    return quotient(in_top, all);
}

/* Share of the output energy in the units of top. */
static double energy_share(const LayerSums *sums, const float *down, int d, int f, const int *top, int n) {
    double *energy = instrument_memory((size_t)f, sizeof *energy), all = 0, in_top = 0;
    for (int j = 0; j < d; j++)
        for (int i = 0; i < f; i++) {
            double w = (double)down[(int64_t)j * f + i];
            energy[i] += w * w;
        }
    for (int i = 0; i < f; i++) all += energy[i] *= sums->s_sq[i];
    for (int k = 0; k < n; k++) in_top += energy[top[k]];
    free(energy);
    return quotient(in_top, all);
}

static double cosine(const double *x, const float *gate, int d, int rows) {
    double dot = 0;
    for (int j = 0; j < d; j++) dot += x[j] * (double)gate[j];
    return quotient(dot / rows, norm_floats(gate, d));
}

static void report_layer(const State *s, int l, Figures *out) {
    const LayerSums *sums = &s->layer[l];
    int parts = mlp_slots[s->m->config.mlp].parts, n = s->f < TOP_UNITS ? s->f : TOP_UNITS, top[TOP_UNITS];
    const float *in = s->m->params + model_tensor(s->m, l, STAGE_MLP, 0)->offset;
    const float *down = s->m->params + model_tensor(s->m, l, STAGE_MLP, parts)->offset;
    double *size = instrument_memory((size_t)s->f, sizeof *size);
    for (int i = 0; i < s->f; i++) size[i] = fabs(sums->s[i]) / s->rows;
    top_of(size, s->f, top, n);
    double largest = size[top[0]];
    figures_add(out, "super_unit", l, -1, top[0]);
    figures_add(out, "super_ratio_mean", l, -1, quotient(largest, mean_of(size, s->f)));
    figures_add(out, "super_ratio", l, -1, quotient(largest, median_of(size, s->f)));
    figures_add(out, "super_energy8", l, -1, energy_share(sums, down, s->d, s->f, top, n));
    figures_add(out, "super_sparsity4", l, -1, sparsity(down, s->d, s->f, top[0]));
    figures_add(out, "super_cos", l, -1, cosine(sums->x, in + (int64_t)top[0] * s->d, s->d, s->rows));
    free(size);
}

static void close(void *self, Figures *out) {
    State *s = self;
    for (int l = 0; l < s->layers; l++) report_layer(s, l, out);
    free(s->layer);
    free(s->memory);
    free(s);
}

const Instrument super_neurons = {
    .name = "super_neurons",
    .definition = "hidden units by |mean activation| at position 0: the top one, over the median and over "
                  "the mean, energy in "
                  "the top 8, sparsity of its down-projection, cosine of normed x_0 and its gate row",
    .paper = "arXiv 2605.06611",
    .columns =
        "eval_layer.super_unit, super_ratio, super_ratio_mean, super_energy8, super_sparsity4, super_cos",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_MLP_IN | 1 << TAP_MLP_HIDDEN,
    .see = see,
    .close = close,
};
