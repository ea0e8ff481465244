/* Owns: the variance discrepancy (arXiv 2605.06611), on the probe `random` only: the variance over
 * sequences (by 1/n), by dimension, of the aggregated values o_t before W_O, averaged over dimensions, at
 * t = 0, and its ratio to the mean over the second half of the positions, 1 under none. (Where position 0
 * always holds the same token that variance is 0, so other probes have none.) And whether W_O keeps it,
 *   tau_wo = mean_j tau(|w_j|, sigma)
 * with w_j the weights of W_O's output neuron j, sigma the standard deviation at position 0 of what W_O
 * reads, both by input dimension, and tau Kendall's; a W_O that knows nothing of sigma has 0. Beside it, in
 * no paper, tau between the variances at position 0 of what W_O reads and of what is added to the stream
 * (W_O's output, under model.norm: sandwich after its norm), dimension by dimension, whose pairing is
 * arbitrary, and tau over positions between the means over dimensions. */
#include "model/instruments/cells.h"
#include "model/instruments/kendall.h"
#include "model/instruments/stats.h"
#include "model/slots.h"

#include <math.h>
#include <stdlib.h>

enum { OUT, READ, WRITTEN, PLACES };

/* Sums over the sequences at one place and layer, of differences to the first sequence (so that a
 * constant has variance 0 exactly). All (T, d). */
typedef struct Moments {
    double *origin, *sum, *sum_sq;
} Moments;

typedef struct State {
    const Model *m;
    int rows, T, d, heads, dh, layers;
    Moments *at; /* (layers, PLACES) */
    double *memory;
} State;

static void *open(const Probe *p) {
    if (!p->random || p->rows < 2) return NULL;
    State *s = instrument_memory(1, sizeof *s);
    const ModelConfig *c = &p->m->config;
    *s = (State){.m = p->m,
                 .rows = p->rows,
                 .T = p->T,
                 .d = (int)c->width,
                 .heads = (int)c->heads,
                 .dh = (int)config_head_dim(c),
                 .layers = (int)c->layers};
    int widest = s->heads * s->dh > s->d ? s->heads * s->dh : s->d;
    size_t one = (size_t)s->T * widest, n = (size_t)s->layers * PLACES;
    s->at = instrument_memory(n, sizeof *s->at);
    s->memory = instrument_memory(3 * n * one, sizeof *s->memory);
    for (size_t i = 0; i < n; i++) {
        double *at = s->memory + 3 * i * one;
        s->at[i] = (Moments){at, at + one, at + 2 * one};
    }
    return s;
}

static int place_of(TapPoint at) {
    return at == TAP_ATTN_OUT ? OUT : at == TAP_HEAD_OUT ? READ : WRITTEN;
}

static void see(void *self, const View *v) {
    const State *s = self;
    const Moments *m = &s->at[v->layer * PLACES + place_of(v->at)];
#pragma omp parallel for schedule(static)
    for (int t = 0; t < v->T; t++)
        for (int row = 0; row < v->rows; row++) {
            const float *x = v->data + ((int64_t)row * v->T + t) * v->ld;
            double *origin = m->origin + (int64_t)t * v->width, *sum = m->sum + (int64_t)t * v->width;
            double *sum_sq = m->sum_sq + (int64_t)t * v->width;
            for (int j = 0; j < v->width; j++) {
                if (v->row0 + row == 0) origin[j] = (double)x[j];
                double e = (double)x[j] - origin[j];
                sum[j] += e;
                sum_sq[j] += e * e;
            }
        }
}

/* Dimensions of what passes at a place. */
static int width_at(const State *s, int place) {
    return place == WRITTEN ? s->d : s->heads * s->dh;
}

static double variance(const State *s, const Moments *m, int64_t i) {
    double centre = m->sum[i] / s->rows;
    return fmax(m->sum_sq[i] / s->rows - centre * centre, 0);
}

/* Over n dimensions from `from` on. */
static double mean_variance(const State *s, int l, int place, int t, int from, int n) {
    double sum = 0;
    for (int j = 0; j < n; j++)
        sum += variance(s, &s->at[l * PLACES + place], (int64_t)t * width_at(s, place) + from + j);
    return sum / n;
}

static double all_variance(const State *s, int l, int place, int t) {
    return mean_variance(s, l, place, t, 0, width_at(s, place));
}

/* Kendall's tau between |w_j|, row j of W_O (d, H dh), and the variances of what W_O reads, mean over j; a
 * standard deviation has the order of its square. */
static double tau_of_weights(const State *s, int l, const Ranking *read) {
    const float *w = s->m->params + model_tensor(s->m, l, STAGE_OUT, 0)->offset;
    int width = width_at(s, READ);
    double *size = instrument_memory((size_t)width, sizeof *size), sum = 0;
    for (int j = 0; j < s->d; j++) {
        for (int i = 0; i < width; i++) size[i] = (double)fabsf(w[(int64_t)j * width + i]);
        sum += kendall_tau(read, size);
    }
    free(size);
    return sum / s->d;
}

/* No dimension is paired with another where what W_O reads is wider or narrower than the stream. */
static void report_dimensions(const State *s, int l, Figures *out) {
    const Moments *at = &s->at[l * PLACES];
    int width = width_at(s, READ);
    double *read = instrument_memory((size_t)(width + s->d), sizeof *read), *written = read + width;
    for (int j = 0; j < width; j++) read[j] = variance(s, &at[READ], j);
    for (int j = 0; j < s->d; j++) written[j] = variance(s, &at[WRITTEN], j);
    Ranking order = ranking_make(read, width);
    figures_add(out, "tau_wo", l, -1, tau_of_weights(s, l, &order));
    figures_add(out, "tau_variances", l, -1, width == s->d ? kendall_tau(&order, written) : NAN);
    ranking_free(&order);
    free(read);
}

static double tau_of_positions(const State *s, int l) {
    double *read = instrument_memory(2 * (size_t)s->T, sizeof *read), *written = read + s->T;
    for (int t = 0; t < s->T; t++) {
        read[t] = all_variance(s, l, READ, t);
        written[t] = all_variance(s, l, WRITTEN, t);
    }
    Ranking order = ranking_make(read, s->T);
    double tau = kendall_tau(&order, written);
    ranking_free(&order);
    free(read);
    return tau;
}

static void report_heads(const State *s, int l, Figures *out) {
    for (int h = 0; h < s->heads; h++) {
        double sum = 0;
        for (int t = 0; t < s->T; t++) sum += mean_variance(s, l, OUT, t, h * s->dh, s->dh);
        figures_add(out, "out_variance", l, h, sum / s->T);
    }
}

static void report_layer(const State *s, int l, Figures *out) {
    double first = all_variance(s, l, OUT, 0), late = 0;
    int half = s->T / 2;
    for (int t = half; t < s->T; t++) late += all_variance(s, l, OUT, t) / (s->T - half);
    figures_add(out, "out_variance_first", l, -1, first);
    figures_add(out, "out_variance_ratio", l, -1, quotient(first, late));
    report_dimensions(s, l, out);
    figures_add(out, "tau_wo_positions", l, -1, tau_of_positions(s, l));
    report_heads(s, l, out);
}

static void close(void *self, Figures *out) {
    State *s = self;
    for (int l = 0; l < s->layers; l++) report_layer(s, l, out);
    free(s->at);
    free(s->memory);
    free(s);
}

const Instrument out_variance = {
    .name = "out_variance",
    .definition =
        "probe random: variance over sequences of o_0, its ratio to the second half of the "
        "positions; tau_wo: Kendall's tau of |w_j| and the standard deviation of what W_O reads at 0, mean "
        "over W_O's output neurons j; tau_variances: tau of the variances before and after W_O",
    .paper = "arXiv 2605.06611",
    .columns = "eval_layer.out_variance_first, out_variance_ratio, tau_wo, tau_variances, "
               "eval_head.out_variance, metric tau_wo_positions",
    .cost = LIGHT,
    .open = open,
    .taps = 1 << TAP_ATTN_OUT | 1 << TAP_HEAD_OUT | 1 << TAP_ATTN_ADD,
    .see = see,
    .close = close,
};
