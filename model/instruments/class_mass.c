/* Owns: attention by class of token (arXiv 2603.11487), where a task tells classes apart: the mean weight on
 * the first key of the queries of each class, and the mean weight of all queries on later keys of each class,
 * over the queries that see at least two keys and the first one. Mean first mass of these queries and the
 * masses of all classes of keys add up to one (where rows do). With no sink the first mass of a class is that
 * of uniform attention at its queries' places. */
#include "model/instruments/queries.h"

#include <stdlib.h>

enum { FIRST, QUERIES = FIRST + TOKEN_KINDS, KEYS = QUERIES + TOKEN_KINDS, WIDTH = KEYS + TOKEN_KINDS };

static const char *const first_names[TOKEN_KINDS] = {"first_mass_other", "first_mass_trigger",
                                                     "first_mass_noop"};
static const char *const key_names[TOKEN_KINDS] = {"key_mass_other", "key_mass_trigger", "key_mass_noop"};

typedef struct State {
    Cells cells;
    Visible visible;
    const Probe *probe;
} State;

static void *open(const Probe *p) {
    if (!p->kind) return NULL;
    State *s = instrument_memory(1, sizeof *s);
    *s = (State){cells_make(p, (int)p->m->config.heads, WIDTH), visible_of(&p->m->config), p};
    return s;
}

static void weights(void *self, const Weights *w) {
    const State *s = self;
    const int8_t *kind = s->probe->kind + w->row * w->T;
    double *c = cell(&s->cells, w->row, w->layer, w->head), all = 0;
    for (int i = 0; i < w->nq; i++) {
        Query x = query_at(w, s->visible, i);
        if (x.first == x.last || !x.sees_first) continue;
        double scale = weight_scale(w, x.A, x.first, x.last);
        c[FIRST + kind[x.q]] += scale * (double)fabsf(x.A[x.first]);
        c[QUERIES + kind[x.q]]++;
        for (int k = x.first + 1; k <= x.last; k++) c[KEYS + kind[k]] += scale * (double)fabsf(x.A[k]);
    }
    if (!last_block(w)) return;
    for (int k = 0; k < TOKEN_KINDS; k++) all += c[QUERIES + k];
    for (int k = 0; k < TOKEN_KINDS; k++) {
        c[FIRST + k] /= c[QUERIES + k];
        c[KEYS + k] /= all;
    }
}

static void close(void *self, Figures *out) {
    State *s = self;
    for (int k = 0; k < TOKEN_KINDS; k++) {
        if (!probe_has_kind(s->probe, k)) continue;
        cells_report(&s->cells, FIRST + k, &(Names){.head = first_names[k]}, out);
        cells_report(&s->cells, KEYS + k, &(Names){.head = key_names[k]}, out);
    }
    cells_free(&s->cells);
    free(s);
}

const Instrument class_mass = {
    .name = "class_mass",
    .definition =
        "of a task: weight on the first key of queries q >= 1 of a class; weight of queries q >= 1 on "
        "later keys of a class",
    .paper = "arXiv 2603.11487, 2609.08574",
    .columns =
        "metric first_mass_other, first_mass_trigger, first_mass_noop, key_mass_other, key_mass_trigger, "
        "key_mass_noop",
    .cost = LIGHT,
    .open = open,
    .weights = weights,
    .close = close,
};
