/* Owns: what a head that sinks does with it (arXiv 2606.08105): nothing, where the first value is small, or a
 * broadcast, where the first value is as large as others and all tokens get nearly one vector. The latter is
 * seen in the stable rank of the head's update U = y_h W_O^h, (T, d), y after head_out: |U|_F^2 / sigma_1^2
 * of a sequence, then the mean; 1 where every token gets multiples of one vector, up to min(T, dh). Kind of a
 * head, from figures that are handed over before:
 *   0 none       sink mass at most 0.3;
 *   1 no-op      elsewhere where the value drain is below 0.2 (the paper's);
 *   2 broadcast  elsewhere where the value drain lies in [2/3, 3/2] and the stable rank is below 2;
 *   3 between    elsewhere.
 * "Near 1" is the paper's word; 2/3, 3/2 and 2 are ours. Must stand after those instruments in the table. */
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { NONE, NO_OP, BROADCAST, BETWEEN };
enum { ITERATIONS = 1000 };

typedef struct State {
    Cells cells;
    int dh;
    double *M; /* (layers, heads, dh, dh): W^T W of a head's columns of W_O, (d, dh) */
} State;

/* W: a head's columns of W_O, (d, dh) in rows of ld. */
static void gram_of_columns(const float *W, int64_t ld, int d, int dh, double *M) {
    for (int c = 0; c < d; c++)
        for (int i = 0; i < dh; i++)
            for (int j = 0; j < dh; j++) M[i * dh + j] += (double)W[c * ld + i] * (double)W[c * ld + j];
}

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    const ModelConfig *c = &p->m->config;
    int H = (int)c->heads, dh = (int)config_head_dim(c);
    *s = (State){cells_make(p, H, 1), dh, NULL};
    s->M = instrument_memory((size_t)s->cells.layers * H * dh * dh, sizeof *s->M);
    for (int l = 0; l < s->cells.layers; l++) {
        const float *W = p->m->params + model_tensor(p->m, l, STAGE_OUT, 0)->offset;
        for (int h = 0; h < H; h++)
            gram_of_columns(W + h * dh, (int64_t)H * dh, (int)c->width, dh,
                            s->M + ((int64_t)l * H + h) * dh * dh);
    }
    return s;
}

/* K (T, T) = y M y^T, the Gram matrix of the rows of U. ym: room (T, dh). */
static void gram_of_update(const float *y, int64_t ld, int T, int dh, const double *M, double *ym,
                           double *K) {
    memset(ym, 0, (size_t)T * dh * sizeof *ym);
    for (int t = 0; t < T; t++)
        for (int i = 0; i < dh; i++)
            for (int j = 0; j < dh; j++) ym[t * dh + j] += (double)y[t * ld + i] * M[i * dh + j];
    for (int t = 0; t < T; t++)
        for (int s = 0; s <= t; s++) {
            double dot = 0;
            for (int j = 0; j < dh; j++) dot += ym[t * dh + j] * (double)y[s * ld + j];
            K[t * T + s] = K[s * T + t] = dot;
        }
}

/* The largest eigenvalue of K (T, T), which has none below 0, by powers from its longest row: K u of a unit u
 * grows until it stays. NAN where K is 0. */
static double largest_eigenvalue(const double *K, int T) {
    double u[T], w[T], size = 0, before;
    int longest = 0;
    for (int t = 0; t < T; t++) longest = K[t * T + t] > K[longest * T + longest] ? t : longest;
    memcpy(u, K + longest * T, sizeof u);
    for (int i = 0; i < ITERATIONS; i++) {
        double square = 0;
        for (int t = 0; t < T; t++) square += u[t] * u[t];
        before = size;
        size = sqrt(square); /* of K u, u being of length 1 but at first */
        if (!(size > 0)) return NAN;
        if (i > 1 && fabs(size - before) <= 8 * DBL_EPSILON * size) break;
        for (int t = 0; t < T; t++) w[t] = u[t] / size;
        for (int t = 0; t < T; t++) {
            u[t] = 0;
            for (int k = 0; k < T; k++) u[t] += K[t * T + k] * w[k];
        }
    }
    return size;
}

static double stable_rank(const double *K, int T) {
    double trace = 0;
    for (int t = 0; t < T; t++) trace += K[t * T + t];
    return quotient(trace, largest_eigenvalue(K, T));
}

static void see(void *self, const View *v) {
    const State *s = self;
    int H = s->cells.heads, dh = s->dh;
#pragma omp parallel
    {
        double *ym = instrument_memory((size_t)v->T * dh, sizeof *ym);
        double *K = instrument_memory((size_t)v->T * v->T, sizeof *K);
#pragma omp for schedule(static)
        for (int row = 0; row < v->rows; row++)
            for (int h = 0; h < H; h++) {
                gram_of_update(v->data + (int64_t)row * v->T * v->ld + h * dh, v->ld, v->T, dh,
                               s->M + ((int64_t)v->layer * H + h) * dh * dh, ym, K);
                *cell(&s->cells, v->row0 + row, v->layer, h) = stable_rank(K, v->T);
            }
        free(ym);
        free(K);
    }
}

static int kind_of(double mass, double drain, double rank) {
    if (!(mass > 0.3)) return NONE;
    if (drain < 0.2) return NO_OP;
    return drain >= 2.0 / 3 && drain <= 1.5 && rank < 2 ? BROADCAST : BETWEEN;
}

static void close(void *self, Figures *out) {
    State *s = self;
    for (int l = 0; l < s->cells.layers; l++)
        for (int h = 0; h < s->cells.heads; h++) {
            double mass = figures_get(out, "sink_mass", l, h), drain = figures_get(out, "value_drain", l, h);
            double rank = cells_mean(&s->cells, l, h, 0);
            figures_add(out, "update_rank", l, h, rank);
            if (!isnan(mass) && !isnan(drain))
                figures_add(out, "sink_kind", l, h, kind_of(mass, drain, rank));
        }
    cells_free(&s->cells);
    free(s->M);
    free(s);
}

const Instrument sink_kind = {
    .name = "sink_kind",
    .definition = "stable rank of a head's update; 1 no-op: sink mass > 0.3, value drain < 0.2; 2 broadcast: "
                  "drain in [2/3, 3/2], rank < 2; 3: another sink; 0: none",
    .paper = "arXiv 2606.08105",
    .columns = "eval_head.update_rank, sink_kind",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_HEAD_OUT,
    .see = see,
    .close = close,
};
