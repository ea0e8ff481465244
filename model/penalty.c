#include "model/penalty.h"

#include <stdlib.h>
#include <string.h>

bool tape_penalise(Tape *t, const Model *m, SinkPenalty p, Error *e) {
    size_t weights = (size_t)(m->config.layers * m->config.heads * t->rows * t->T);
    t->penalty = p;
    t->masses = calloc(weights, sizeof *t->masses);
    t->d_mass = calloc((size_t)(2 * m->config.layers * m->config.heads * t->rows), sizeof *t->d_mass);
    return (t->masses && t->d_mass) || fail(e, EXIT_FAILED, "model: out of memory");
}

float *penalty_masses(const Pass *p, int l) {
    return p->t->masses ? p->t->masses + (int64_t)l * p->m->config.heads * p->N : NULL;
}

static int64_t d_masses(const Pass *p) {
    return 2 * p->b->rows * p->m->config.heads;
}

const float *penalty_d_mass(const Pass *p, int l) {
    return p->t->masses ? p->t->d_mass + l * d_masses(p) : NULL;
}

static double mass_slope(const Pass *p, int r) {
    const SinkPenalty *penalty = &p->t->penalty;
    int64_t L = p->m->config.layers, weights = p->m->config.heads * p->b->T; /* of a row in a block */
    double sum = 0, count = (double)(L * weights);
    for (int l = 0; l < L; l++) {
        const float *first = penalty_masses(p, l) + r * weights;
        for (int64_t i = 0; i < weights; i++) sum += first[i];
    }
    return 2 * penalty->share * penalty->c * (sum / count - penalty->target) / count;
}

/* The gates of a row's heads; returns how many queries each is the mean over. */
static int gates_of(const Pass *p, int l, int r, double *gate) {
    int T = p->b->T, H = (int)p->m->config.heads, n = 0;
    const int32_t *doc_start = p->b->doc_start + (int64_t)r * T;
    for (int q = 0; q < T; q++) n += doc_start[q] != q;
    for (int h = 0; h < H; h++) {
        const float *first = penalty_masses(p, l) + ((int64_t)r * H + h) * T;
        gate[h] = 0;
        for (int q = 0; q < T; q++)
            if (doc_start[q] != q) gate[h] += (1 - (double)first[q]) / n;
    }
    return n;
}

/* gate (H) in place to the slopes by a weight. */
static void balance_slopes(const Pass *p, int l, int r, double *gate) {
    int H = (int)p->m->config.heads, n = gates_of(p, l, r, gate);
    double m = 0, squares = 0;
    for (int h = 0; h < H; h++) m += gate[h] / H;
    for (int h = 0; h < H; h++) squares += (gate[h] - m) * (gate[h] - m);
    double by = m > 0 ? -p->t->penalty.share * p->t->penalty.balance / n : 0;
    for (int h = 0; h < H; h++) gate[h] = by ? by * 2 * ((gate[h] - m) / m / m - squares / H / m / m / m) : 0;
}

void penalty_slopes(const Pass *p) {
    int H = (int)p->m->config.heads;
    double gate[H];
    for (int r = 0; r < p->b->rows; r++) {
        double mass = mass_slope(p, r);
        for (int l = 0; l < p->m->config.layers; l++) {
            float *d_mass = p->t->d_mass + l * d_masses(p) + 2 * (int64_t)r * H;
            balance_slopes(p, l, r, gate);
            for (int h = 0; h < H; h++) {
                d_mass[2 * h] = (float)mass;
                d_mass[2 * h + 1] = (float)(mass + gate[h]);
            }
        }
    }
}

void penalty_forget(const Pass *p) {
    if (p->t->masses)
        memset(p->t->d_mass, 0, (size_t)(p->m->config.layers * d_masses(p)) * sizeof *p->t->d_mass);
}
