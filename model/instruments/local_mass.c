/* Owns: local mass, the late phase of arXiv 2510.06477: means of A[q,q] and A[q,q-1] over the queries
 * that see at least two keys (q >= 1 without a mask). */
#include "model/instruments/cells.h"
#include "model/instruments/mask.h"

#include <stdlib.h>

enum { DIAGONAL, PREVIOUS, QUERIES, WIDTH };

typedef struct State {
    Cells cells;
    Sight sight;
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    s->sight = sight_of(&p->m->config);
    s->cells = cells_make(p, (int)p->m->config.heads, WIDTH);
    return s;
}

static void weights(void *self, const Weights *w) {
    const State *s = self;
    double *c = cell(&s->cells, w->row, w->layer, w->head);
    for (int i = 0; i < w->nq; i++) {
        const float *A = w->A + i * w->ld;
        int q = w->q0 + i, first = first_key(w->lo, q, s->sight), last = sight_to(s->sight, w->lo, w->T, q);
        if (q == first) continue;
        double scale = weight_scale(w, A, first, last);
        c[DIAGONAL] += scale * (double)fabsf(A[q]);
        c[PREVIOUS] += scale * (double)fabsf(A[q - 1]);
        c[QUERIES]++;
    }
    if (!last_block(w)) return;
    c[DIAGONAL] /= c[QUERIES];
    c[PREVIOUS] /= c[QUERIES];
}

static void close(void *self, Figures *out) {
    State *s = self;
    cells_report(&s->cells, DIAGONAL, &(Names){.head = "diagonal"}, out);
    cells_report(&s->cells, PREVIOUS, &(Names){.head = "previous"}, out);
    cells_free(&s->cells);
    free(s);
}

const Instrument local_mass = {
    .name = "local_mass",
    .definition = "means over q >= 1 of A[q,q] and A[q,q-1]",
    .paper = "arXiv 2510.06477",
    .columns = "eval_head.diagonal, eval_head.previous",
    .cadence = LIGHT,
    .open = open,
    .weights = weights,
    .close = close,
};
