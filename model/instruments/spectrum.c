/* Owns: the spectrum of the residual stream X after a layer (T x d, rows are tokens, not centred), per
 * sequence and averaged: with p_j = sigma_j^2 / |X|_F^2 the matrix entropy H = -sum p ln p (nats),
 * H / ln min(T,d), anisotropy p_1 (arXiv 2510.06477), effective rank exp(H of sigma / sum sigma)
 * (arXiv 2605.06611), that also of the stacked rows of all sequences; and the bounds of bounds.h beside
 * what they bound, with the number of violations, which is 0. A mean runs over the sequences where the
 * figure is defined. The sigma^2 are the eigenvalues of the Gram matrix of the smaller side. */
#include "model/instruments/bounds.h"
#include "model/instruments/cells.h"
#include "model/instruments/gram.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENTROPY,
    ENTROPY_NORM,
    ANISOTROPY,
    RANK,
    SIGMA1,
    RATIO,
    BOUND_SIGMA1,
    BOUND_RATIO,
    BOUND_ANISOTROPY,
    BOUND_ENTROPY,
    VIOLATIONS,
    WIDTH
};

enum { CHUNK = 256 }; /* tokens that are turned to doubles at a time for the stacked matrix */

typedef struct State {
    Cells cells;
    int d, room;
    double *stacked; /* (layers, room, room): Gram matrix of all rows, by channel */
    double *chunk;   /* (CHUNK, room) */
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    s->cells = cells_make(p, 1, WIDTH);
    s->d = (int)p->m->config.width;
    s->room = gram_room(s->d);
    s->stacked = instrument_memory((size_t)s->cells.layers * s->room * s->room, sizeof *s->stacked);
    s->chunk = instrument_memory((size_t)CHUNK * s->room, sizeof *s->chunk);
    return s;
}

static double effective_rank(double *values, int n) {
    for (int i = 0; i < n; i++) values[i] = sqrt(values[i]);
    return exp(entropy_of(values, n));
}

/* The figures of one X from the eigenvalues of its Gram matrix, descending; overwrites `values`. */
static void figures_of(const Spectral *bound, double *values, int r, double *c) {
    double rest = 0;
    for (int i = r - 1; i > 0; i--) rest += values[i];
    Spectral is = {values[0], quotient(values[0], rest), values[0] / (values[0] + rest),
                   entropy_of(values, r)};
    c[ENTROPY] = is.entropy;
    c[ENTROPY_NORM] = r > 1 ? is.entropy / log(r) : NAN;
    c[ANISOTROPY] = is.anisotropy;
    c[SIGMA1] = is.sigma1_sq;
    c[RATIO] = is.ratio;
    c[VIOLATIONS] = bounds_violated(bound, &is, r);
    c[RANK] = effective_rank(values, r);
}

/* The smaller Gram matrix of X: P is X by channel when there are fewer tokens than channels. */
static void gram_of(const float *X, int64_t ld, int T, int d, double *P, double *G) {
    int n = T < d ? T : d, room = gram_room(n);
    int64_t K = T < d ? d : T;
    memset(P, 0, (size_t)K * room * sizeof *P);
    memset(G, 0, (size_t)room * room * sizeof *G);
    for (int t = 0; t < T; t++)
        for (int j = 0; j < d; j++)
            P[T < d ? (int64_t)j * room + t : (int64_t)t * room + j] = (double)X[t * ld + j];
    for (int i0 = 0; i0 < n; i0 += GRAM_ROWS) gram_strip(G, room, P, K, i0);
}

static void one_sequence(const View *v, int row, double *P, double *G, double *values, double *c) {
    const float *X = v->data + (int64_t)row * v->T * v->ld;
    int d = v->width, r = v->T < d ? v->T : d;
    Spectral bound = bounds_of(X, v->ld, v->T, d);
    for (int i = 0; i < WIDTH; i++) c[i] = NAN;
    c[BOUND_SIGMA1] = bound.sigma1_sq;
    c[BOUND_RATIO] = bound.ratio;
    c[BOUND_ANISOTROPY] = bound.anisotropy;
    c[BOUND_ENTROPY] = bound.entropy;
    gram_of(X, v->ld, v->T, d, P, G);
    if (gram_eigenvalues(G, gram_room(r), r, values)) figures_of(&bound, values, r, c);
}

static void each_sequence(const State *s, const View *v) {
    int d = v->width, r = v->T < d ? v->T : d, room = gram_room(r);
    int64_t K = v->T < d ? d : v->T;
#pragma omp parallel
    {
        double *P = instrument_memory((size_t)K * room, sizeof *P);
        double *G = instrument_memory((size_t)room * room, sizeof *G);
        double *values = instrument_memory((size_t)r, sizeof *values);
#pragma omp for schedule(dynamic)
        for (int row = 0; row < v->rows; row++)
            one_sequence(v, row, P, G, values, cell(&s->cells, v->row0 + row, v->layer, 0));
        free(P);
        free(G);
        free(values);
    }
}

static void stack(const State *s, const View *v) {
    double *G = s->stacked + (int64_t)v->layer * s->room * s->room;
    for (int64_t n = 0; n < v->tokens; n += CHUNK) {
        int64_t K = v->tokens - n < CHUNK ? v->tokens - n : CHUNK;
#pragma omp parallel
        {
#pragma omp for schedule(static)
            for (int64_t k = 0; k < K; k++)
                for (int j = 0; j < s->d; j++)
                    s->chunk[k * s->room + j] = (double)v->data[(n + k) * v->ld + j];
#pragma omp for schedule(dynamic)
            for (int i0 = 0; i0 < s->room; i0 += GRAM_ROWS) gram_strip(G, s->room, s->chunk, K, i0);
        }
    }
}

static void see(void *self, const View *v) {
    each_sequence(self, v);
    stack(self, v);
}

/* A layer a thread: LAPACK's own products then stay in the thread that asked. */
static void report_stacked(State *s, Figures *out) {
    int layers = s->cells.layers;
    double *ranks = instrument_memory((size_t)layers, sizeof *ranks);
#pragma omp parallel for schedule(dynamic)
    for (int l = 0; l < layers; l++) {
        double *G = s->stacked + (int64_t)l * s->room * s->room;
        double *values = instrument_memory((size_t)s->d, sizeof *values);
        ranks[l] = gram_eigenvalues(G, s->room, s->d, values) ? effective_rank(values, s->d) : NAN;
        free(values);
    }
    for (int l = 0; l < layers; l++) figures_add(out, "effective_rank_stacked", l, -1, ranks[l]);
    free(ranks);
}

static void report_violations(const Cells *c, Figures *out) {
    double all = 0;
    for (int l = 0; l < c->layers; l++)
        for (int row = 0; row < c->rows; row++) {
            double n = cell(c, row, l, 0)[VIOLATIONS];
            if (n > 0) all += n;
        }
    figures_add(out, "bound_violations", -1, -1, all);
}

static void close(void *self, Figures *out) {
    static const struct {
        int i;
        Names names;
    } means[] = {{ENTROPY, {.layer = "entropy"}},
                 {ENTROPY_NORM, {NULL, "entropy_norm", "entropy_norm_min", lowest_of}},
                 {ANISOTROPY, {.layer = "anisotropy"}},
                 {RANK, {.layer = "effective_rank"}},
                 {SIGMA1, {.layer = "sigma1_sq"}},
                 {RATIO, {.layer = "sigma_ratio"}},
                 {BOUND_SIGMA1, {.layer = "bound_sigma1"}},
                 {BOUND_RATIO, {.layer = "bound_ratio"}},
                 {BOUND_ANISOTROPY, {.layer = "bound_anisotropy"}},
                 {BOUND_ENTROPY, {.layer = "bound_entropy"}}};
    State *s = self;
    for (size_t m = 0; m < sizeof means / sizeof *means; m++)
        cells_report(&s->cells, means[m].i, &means[m].names, out);
    report_stacked(s, out);
    report_violations(&s->cells, out);
    cells_free(&s->cells);
    free(s->stacked);
    free(s->chunk);
    free(s);
}

const Instrument spectrum = {
    .name = "spectrum",
    .definition = "H = -sum p ln p of p_j = sigma_j^2 / |X|_F^2, H / ln min(T,d), anisotropy p_1, effective "
                  "rank, also stacked",
    .paper = "arXiv 2510.06477, 2605.06611",
    .columns = "eval.entropy_norm_min, eval_layer.entropy, entropy_norm, anisotropy, effective_rank, "
               "effective_rank_stacked, sigma1_sq, sigma_ratio",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_RESID,
    .see = see,
    .close = close,
};
