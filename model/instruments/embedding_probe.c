/* Owns: the probe of embeddings (arXiv 2510.06477): how well a linear map tells, from the mean of the
 * residual stream over a row after a layer, which section of the text the row is from. Ridge regression on
 * the sections (one number for each, 1 or 0), the largest answer counts; accuracy over FOLDS folds, row i of
 * which is tested in fold i mod FOLDS by a map fitted to the others. Channels are standardised by the rows
 * fitted to, so that a massive one weighs no more than another; Z (n, d) then gives W = Z^T (Z Z^T + d
 * RIDGE)^-1 Y. Chance is the largest section's share. Does not own: which rows, and what a section is (who
 * asks). */
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDS = 5 };
static const double RIDGE = 1;

typedef struct State {
    int rows, layers, d, sections;
    const int32_t *section; /* (rows) */
    double *mean;           /* (layers, rows, d) */
} State;

static void *open(const Probe *p) {
    if (!p->section) return NULL;
    State *s = instrument_memory(1, sizeof *s);
    *s = (State){p->rows, (int)p->m->config.layers, (int)p->m->config.width, p->sections, p->section, NULL};
    s->mean = instrument_memory((size_t)s->layers * (size_t)s->rows * (size_t)s->d, sizeof *s->mean);
    return s;
}

static void see(void *self, const View *v) {
    const State *s = self;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++) {
        double *mean = s->mean + ((int64_t)v->layer * s->rows + v->row0 + row) * s->d;
        for (int t = 0; t < v->T; t++)
            for (int j = 0; j < s->d; j++)
                mean[j] += (double)v->data[((int64_t)row * v->T + t) * v->ld + j] / v->T;
    }
}

/* One fold of one layer: rows in the order of the fit, those that are tested last. */
typedef struct Fold {
    const State *s;
    int n;     /* rows that are fitted to */
    int *row;  /* (rows) */
    double *Z; /* (rows, d) standardised */
    double *K; /* (n, n) Z Z^T + d RIDGE */
    double *Y; /* (sections, n) in place to the dual weights */
} Fold;

static void order_rows(Fold *f, int fold) {
    int end = f->s->rows;
    f->n = 0;
    for (int i = 0; i < f->s->rows; i++)
        if (i % FOLDS != fold) f->row[f->n++] = i;
    for (int i = fold; i < f->s->rows; i += FOLDS) f->row[--end] = i;
}

static void standardise(const Fold *f, const double *mean) {
    const State *s = f->s;
    for (int j = 0; j < s->d; j++) {
        double centre = 0, square = 0;
        for (int i = 0; i < f->n; i++) centre += mean[(int64_t)f->row[i] * s->d + j] / f->n;
        for (int i = 0; i < f->n; i++) {
            double apart = mean[(int64_t)f->row[i] * s->d + j] - centre;
            square += apart * apart / f->n;
        }
        for (int i = 0; i < s->rows; i++) {
            double apart = mean[(int64_t)f->row[i] * s->d + j] - centre;
            f->Z[(int64_t)i * s->d + j] = square > 0 ? apart / sqrt(square) : 0;
        }
    }
}

static double dot(const double *a, const double *b, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* False where LAPACK finds no solution (NAN in the stream). */
static bool fit(const Fold *f) {
    const State *s = f->s;
    for (int i = 0; i < f->n; i++)
        for (int k = 0; k <= i; k++)
            f->K[(int64_t)k * f->n + i] =
                dot(f->Z + (int64_t)i * s->d, f->Z + (int64_t)k * s->d, s->d) + (i == k ? s->d * RIDGE : 0);
    for (int c = 0; c < s->sections; c++)
        for (int i = 0; i < f->n; i++) f->Y[(int64_t)c * f->n + i] = s->section[f->row[i]] == c;
    return !LAPACKE_dposv(LAPACK_COL_MAJOR, 'L', f->n, s->sections, f->K, f->n, f->Y, f->n);
}

static int answer(const Fold *f, int i, double *similar) {
    double best = -INFINITY;
    int most = 0;
    for (int k = 0; k < f->n; k++)
        similar[k] = dot(f->Z + (int64_t)i * f->s->d, f->Z + (int64_t)k * f->s->d, f->s->d);
    for (int c = 0; c < f->s->sections; c++) {
        double score = dot(similar, f->Y + (int64_t)c * f->n, f->n);
        if (score > best) best = score, most = c;
    }
    return most;
}

/* Right answers of a fold; NAN where nothing could be fitted. */
static double right_answers(const State *s, const double *mean, int fold) {
    size_t rows = (size_t)s->rows;
    Fold f = {.s = s,
              .row = instrument_memory(rows, sizeof *f.row),
              .Z = instrument_memory(rows * (size_t)s->d, sizeof *f.Z),
              .K = instrument_memory(rows * rows, sizeof *f.K),
              .Y = instrument_memory(rows * (size_t)s->sections, sizeof *f.Y)};
    double *similar = instrument_memory(rows, sizeof *similar), right = 0;
    order_rows(&f, fold);
    standardise(&f, mean);
    bool fitted = fit(&f);
    for (int i = f.n; fitted && i < s->rows; i++) right += answer(&f, i, similar) == s->section[f.row[i]];
    free(f.row);
    free(f.Z);
    free(f.K);
    free(f.Y);
    free(similar);
    return fitted ? right : NAN;
}

static double chance(const State *s) {
    double most = 0;
    for (int c = 0; c < s->sections; c++) {
        int n = 0;
        for (int i = 0; i < s->rows; i++) n += s->section[i] == c;
        most = fmax(most, (double)n / s->rows);
    }
    return most;
}

static void close(void *self, Figures *out) {
    State *s = self;
    double *right = instrument_memory((size_t)s->layers * FOLDS, sizeof *right);
#pragma omp parallel for schedule(dynamic)
    for (int i = 0; i < s->layers * FOLDS; i++)
        right[i] = right_answers(s, s->mean + (int64_t)(i / FOLDS) * s->rows * s->d, i % FOLDS);
    for (int l = 0; l < s->layers; l++) {
        double sum = 0;
        for (int fold = 0; fold < FOLDS; fold++) sum += right[l * FOLDS + fold];
        figures_add(out, "embedding_accuracy", l, -1, sum / s->rows);
    }
    figures_add(out, "embedding_chance", -1, -1, chance(s));
    free(right);
    free(s->mean);
    free(s);
}

const Instrument embedding_probe = {
    .name = "embedding_probe",
    .definition =
        "accuracy of a linear probe on the mean of a row's stream: which section of the held-out text "
        "the row is from",
    .paper = "arXiv 2510.06477",
    .columns = "--embedding",
    .cost = ASKED,
    .open = open,
    .taps = 1 << TAP_RESID,
    .see = see,
    .close = close,
};
