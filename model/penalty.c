#include "model/penalty.h"

#include <stdlib.h>

bool tape_penalise(Tape *t, const Model *m, SinkPenalty p, Error *e) {
    size_t weights = (size_t)(m->config.layers * m->config.heads * t->rows * t->T);
    t->penalty = p;
    t->masses = calloc(weights, sizeof *t->masses);
    t->push = calloc((size_t)t->rows, sizeof *t->push);
    return (t->masses && t->push) || fail(e, EXIT_FAILED, "model: out of memory");
}

float *penalty_masses(const Pass *p, int l) {
    return p->t->masses ? p->t->masses + (int64_t)l * p->m->config.heads * p->N : NULL;
}

void penalty_slopes(const Pass *p) {
    const SinkPenalty *penalty = &p->t->penalty;
    int64_t L = p->m->config.layers, weights = p->m->config.heads * p->b->T; /* of a row in a block */
    for (int r = 0; r < p->b->rows; r++) {
        double sum = 0, count = (double)(L * weights);
        for (int l = 0; l < L; l++) {
            const float *first = penalty_masses(p, l) + r * weights;
            for (int64_t i = 0; i < weights; i++) sum += first[i];
        }
        p->t->push[r] = (float)(2 * penalty->share * penalty->c * (sum / count - penalty->target) / count);
    }
}
