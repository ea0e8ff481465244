/* Owns: active and dormant heads (arXiv 2410.13835): the share of queries whose largest key is the
 * first, strictly larger than every other, among the queries that see at least two keys and the first
 * one; a head with share 1 does nothing but park. Where the task has classes of tokens, the shares of
 * queries on triggers and on others apart (means over the sequences that hold such a query). */
#include "model/instruments/queries.h"

#include <stdlib.h>

enum { ALL, OTHER, TRIGGER, CLASSES }; /* OTHER + kind is the class of a token */
enum { SHARE = 0, QUERIES = CLASSES, WIDTH = 2 * CLASSES };

typedef struct State {
    Cells cells;
    Visible visible;
    const int8_t *kind;
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    s->visible = visible_of(&p->m->config);
    s->kind = p->kind;
    s->cells = cells_make(p, (int)p->m->config.heads, WIDTH);
    return s;
}

static bool first_is_largest(const float *A, int n) {
    float largest = 0;
    for (int k = 1; k < n; k++) largest = fabsf(A[k]) > largest ? fabsf(A[k]) : largest;
    return fabsf(A[0]) > largest;
}

static void weights(void *self, const Weights *w) {
    const State *s = self;
    double *c = cell(&s->cells, w->row, w->layer, w->head);
    for (int i = 0; i < w->nq; i++) {
        Query x = query_at(w, s->visible, i);
        if (x.first == x.last || !x.sees_first) continue;
        bool dormant = first_is_largest(x.A + x.first, x.last - x.first + 1);
        int class = s->kind && s->kind[w->row * w->T + x.q] > 0 ? TRIGGER : OTHER;
        c[SHARE + ALL] += dormant;
        c[QUERIES + ALL]++;
        c[SHARE + class] += dormant;
        c[QUERIES + class]++;
    }
    if (last_block(w))
        for (int class = ALL; class < CLASSES; class ++) c[SHARE + class] /= c[QUERIES + class];
}

static void close(void *self, Figures *out) {
    State *s = self;
    cells_report(&s->cells, SHARE + ALL, &(Names){.head = "dormant"}, out);
    if (s->kind) {
        cells_report(&s->cells, SHARE + TRIGGER, &(Names){.head = "dormant_trigger"}, out);
        cells_report(&s->cells, SHARE + OTHER, &(Names){.head = "dormant_other"}, out);
    }
    cells_free(&s->cells);
    free(s);
}

const Instrument dormant = {
    .name = "dormant",
    .definition = "share of queries q >= 1 whose largest key is the first, no other being as large; by class "
                  "of the query's "
                  "token",
    .paper = "arXiv 2410.13835",
    .columns = "eval_head.dormant, metric dormant_trigger, metric dormant_other",
    .cost = LIGHT,
    .open = open,
    .weights = weights,
    .close = close,
};
