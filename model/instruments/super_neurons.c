/* Owns: super neurons (arXiv 2605.06611): the MLP's hidden units of a layer ranked by |mean activation|
 * at row position 0 over the sequences. The top one; its |mean activation| over the median of the units, and
 * over their mean, which is more than 0 where most units are silent (relu, reglu); the share of the output
 * energy at position 0 in the top 8, where unit i has the energy mean(s_i^2) |w_i|^2 with w_i its column of
 * the down-projection; the share of the top unit's |w_i|^2 in its 4 largest channels; and the mean cosine of
 * the normed x_0 and its gate row (its row of the first projection where the MLP has no gate). The paper
 * finds them by the norm of their gate and up rows, and shows that they fire at position 0 alone, so of the
 * top unit: its rank by that norm (1: the largest; (f + 1) / 2 by chance), the norm over the median of the
 * units, the unit of the largest norm; its |mean activation| at 0 over the mean |activation| at t > 0 (1 or
 * less where positions are alike); the mean cosine at t > 0. "Channel sparse" has no formula there: the share
 * in 4 channels is ours, and beside it stands that of a column of d normal numbers. */
#include "model/instruments/cells.h"
#include "model/instruments/gaussian.h"
#include "model/instruments/stats.h"
#include "model/slots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOP_UNITS = 8, TOP_CHANNELS = 4 };

/* Sums over the sequences. */
typedef struct LayerSums {
    double *s, *s_sq; /* (f) activations at position 0 and their squares */
    double *rest;     /* (f) sizes of activations at the other positions */
    double *x;        /* (d) x_0 / |x_0| */
    double *x_rest;   /* (d) x_t / |x_t| of the other positions */
} LayerSums;

typedef struct State {
    const Model *m;
    int rows, T, d, f, layers;
    LayerSums *layer;
    double *memory;
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    *s = (State){
        p->m, p->rows, p->T, (int)p->m->config.width, (int)p->m->config.mlp_width, (int)p->m->config.layers,
        NULL, NULL};
    size_t one = 3 * (size_t)s->f + 2 * (size_t)s->d;
    s->layer = instrument_memory((size_t)s->layers, sizeof *s->layer);
    s->memory = instrument_memory((size_t)s->layers * one, sizeof *s->memory);
    for (int l = 0; l < s->layers; l++) {
        double *at = s->memory + (size_t)l * one;
        s->layer[l] = (LayerSums){at, at + s->f, at + 2 * s->f, at + 3 * s->f, at + 3 * s->f + s->d};
    }
    return s;
}

static void add_hidden(const LayerSums *sums, const float *x, int f, bool first) {
    for (int i = 0; first && i < f; i++) {
        sums->s[i] += (double)x[i];
        sums->s_sq[i] += (double)x[i] * (double)x[i];
    }
    for (int i = 0; !first && i < f; i++) sums->rest[i] += fabs((double)x[i]);
}

static void add_direction(const LayerSums *sums, const float *x, int d, bool first) {
    double norm = norm_floats(x, d), *to = first ? sums->x : sums->x_rest;
    for (int i = 0; norm > 0 && i < d; i++) to[i] += (double)x[i] / norm;
}

static void see(void *self, const View *v) {
    const State *s = self;
    void (*add)(const LayerSums *, const float *, int, bool) =
        v->at == TAP_MLP_HIDDEN ? add_hidden : add_direction;
    for (int64_t n = 0; n < v->tokens; n++)
        add(&s->layer[v->layer], v->data + n * v->ld, v->width, n % v->T == 0);
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

static double cosine(const double *x, const float *gate, int d, int n) {
    double dot = 0;
    for (int j = 0; j < d; j++) dot += x[j] * (double)gate[j];
    return quotient(dot / n, norm_floats(gate, d));
}

/* Norm of a unit's rows of W_in (parts f, d): gate and up together. */
static double weight_norm(const float *in, int parts, int d, int f, int unit) {
    double square = 0;
    for (int p = 0; p < parts; p++) {
        const float *row = in + ((int64_t)p * f + unit) * d;
        square += dot_floats(row, row, d);
    }
    return sqrt(square);
}

/* How the top unit by activation stands by the norm of its weights, and the top unit by that norm. */
static void report_weights(const State *s, int l, const float *in, int top, Figures *out) {
    int parts = mlp_slots[s->m->config.mlp].parts, above = 0, heavy = 0;
    double *norm = instrument_memory((size_t)s->f, sizeof *norm);
    for (int i = 0; i < s->f; i++) norm[i] = weight_norm(in, parts, s->d, s->f, i);
    for (int i = 0; i < s->f; i++) {
        above += norm[i] > norm[top];
        if (norm[i] > norm[heavy]) heavy = i;
    }
    double own = norm[top];
    figures_add(out, "super_weight_unit", l, -1, heavy);
    figures_add(out, "super_weight_rank", l, -1, above + 1);
    figures_add(out, "super_weight_ratio", l, -1, quotient(own, median_of(norm, s->f)));
    free(norm);
}

/* How much of the top unit is of position 0 alone. */
static void report_rest(const State *s, int l, const float *gate, int top, double largest, Figures *out) {
    const LayerSums *sums = &s->layer[l];
    int others = s->rows * (s->T - 1);
    figures_add(out, "super_selectivity", l, -1, quotient(largest * others, sums->rest[top]));
    figures_add(out, "super_cos_rest", l, -1, others ? cosine(sums->x_rest, gate, s->d, others) : NAN);
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
    figures_add(out, "super_sparsity4_random", l, -1, gaussian_top_share(s->d, TOP_CHANNELS));
    const float *gate = in + (int64_t)top[0] * s->d;
    figures_add(out, "super_cos", l, -1, cosine(sums->x, gate, s->d, s->rows));
    report_rest(s, l, gate, top[0], largest, out);
    report_weights(s, l, in, top[0], out);
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
    .definition =
        "hidden units by |mean activation| at position 0: the top one, over the median and over "
        "the mean, energy in "
        "the top 8, sparsity of its down-projection and of a random one, cosine of normed x_0, x_t>0 and its "
        "gate "
        "row; its rank by the norm of gate and up rows, over the median; activation at 0 over that at t > 0",
    .paper = "arXiv 2605.06611",
    .columns =
        "eval_layer.super_unit, super_ratio, super_ratio_mean, super_energy8, super_sparsity4, super_cos, "
        "super_sparsity4_random, super_weight_unit, super_weight_rank, super_weight_ratio, "
        "super_selectivity, "
        "super_cos_rest",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_MLP_IN | 1 << TAP_MLP_HIDDEN,
    .see = see,
    .close = close,
};
