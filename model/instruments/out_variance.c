/* Owns: the variance discrepancy (arXiv 2605.06611), on the probe `random` only: the variance over
 * sequences (by 1/n), by dimension, of the aggregated values o_t before W_O, averaged over dimensions, at
 * t = 0, and its ratio to the mean over the second half of the positions. Where position 0 always holds
 * the same token that variance is 0, so other probes have none. And Kendall's tau between the variances at
 * position 0 of what W_O reads and of what is added to the stream, dimension by dimension (W_O's output,
 * under model.norm: sandwich after its norm); beside it (the pairing of dimensions being arbitrary) tau over
 * positions between the means over dimensions. */
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>

enum { OUT, READ, WRITTEN, PLACES };

/* Sums over the sequences at one place and layer, of differences to the first sequence (so that a
 * constant has variance 0 exactly). All (T, d). */
typedef struct Moments {
    double *origin, *sum, *sum_sq;
} Moments;

typedef struct State {
    int rows, T, d, layers;
    Moments *at; /* (layers, PLACES) */
    double *memory;
} State;

static void *open(const Probe *p) {
    if (!p->random || p->rows < 2) return NULL;
    State *s = instrument_memory(1, sizeof *s);
    *s = (State){p->rows, p->T, (int)p->m->config.width, (int)p->m->config.layers, NULL, NULL};
    size_t one = (size_t)s->T * s->d, n = (size_t)s->layers * PLACES;
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
            double *origin = m->origin + (int64_t)t * s->d, *sum = m->sum + (int64_t)t * s->d;
            double *sum_sq = m->sum_sq + (int64_t)t * s->d;
            for (int j = 0; j < s->d; j++) {
                if (v->row0 + row == 0) origin[j] = (double)x[j];
                double e = (double)x[j] - origin[j];
                sum[j] += e;
                sum_sq[j] += e * e;
            }
        }
}

static double variance(const State *s, const Moments *m, int t, int j) {
    int64_t i = (int64_t)t * s->d + j;
    double centre = m->sum[i] / s->rows;
    return fmax(m->sum_sq[i] / s->rows - centre * centre, 0);
}

static double mean_variance(const State *s, const Moments *m, int t) {
    double sum = 0;
    for (int j = 0; j < s->d; j++) sum += variance(s, m, t, j);
    return sum / s->d;
}

/* (concordant - discordant) / all pairs; a tie counts as neither. */
static double kendall_tau(const double *a, const double *b, int n) {
    int64_t sum = 0;
    for (int i = 1; i < n; i++)
        for (int j = 0; j < i; j++) {
            int da = (a[i] > a[j]) - (a[i] < a[j]), db = (b[i] > b[j]) - (b[i] < b[j]);
            sum += da * db;
        }
    return n > 1 ? (double)sum / (0.5 * n * (n - 1)) : NAN;
}

static double tau_of_dimensions(const State *s, const Moments *at) {
    double *read = instrument_memory(2 * (size_t)s->d, sizeof *read), *written = read + s->d;
    for (int j = 0; j < s->d; j++) {
        read[j] = variance(s, &at[READ], 0, j);
        written[j] = variance(s, &at[WRITTEN], 0, j);
    }
    double tau = kendall_tau(read, written, s->d);
    free(read);
    return tau;
}

static double tau_of_positions(const State *s, const Moments *at) {
    double *read = instrument_memory(2 * (size_t)s->T, sizeof *read), *written = read + s->T;
    for (int t = 0; t < s->T; t++) {
        read[t] = mean_variance(s, &at[READ], t);
        written[t] = mean_variance(s, &at[WRITTEN], t);
    }
    double tau = kendall_tau(read, written, s->T);
    free(read);
    return tau;
}

static void report_layer(const State *s, int l, Figures *out) {
    const Moments *at = &s->at[l * PLACES];
    double first = mean_variance(s, &at[OUT], 0), late = 0;
    int half = s->T / 2;
    for (int t = half; t < s->T; t++) late += mean_variance(s, &at[OUT], t) / (s->T - half);
    figures_add(out, "out_variance_first", l, -1, first);
    figures_add(out, "out_variance_ratio", l, -1, quotient(first, late));
    figures_add(out, "tau_wo", l, -1, tau_of_dimensions(s, at));
    figures_add(out, "tau_wo_positions", l, -1, tau_of_positions(s, at));
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
    .definition = "probe random: variance over sequences of o_0, its ratio to the second half of the "
                  "positions, Kendall's tau of the variances before and after W_O",
    .paper = "arXiv 2605.06611",
    .columns = "eval_layer.out_variance_first, out_variance_ratio, tau_wo, metric tau_wo_positions",
    .cost = LIGHT,
    .open = open,
    .taps = 1 << TAP_ATTN_OUT | 1 << TAP_HEAD_OUT | 1 << TAP_ATTN_ADD,
    .see = see,
    .close = close,
};
