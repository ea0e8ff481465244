/* Owns: active and dormant heads (arXiv 2410.13835): the share of queries whose largest key is the
 * first, strictly larger than every other, among the queries that see at least two keys and the first
 * one; a head with share 1 does nothing but park. Where the task has classes of tokens, the shares of
 * queries of each class apart (means over the sequences that hold such a query). */
#include "model/instruments/queries.h"

#include <stdlib.h>

enum { ALL, CLASS, SCOPES = CLASS + TOKEN_KINDS }; /* CLASS + kind: of a token's class */
enum { SHARE = 0, QUERIES = SCOPES, WIDTH = 2 * SCOPES };

static const char *const names[SCOPES] = {"dormant", "dormant_other", "dormant_trigger", "dormant_noop"};

typedef struct State {
    Cells cells;
    Visible visible;
    const Probe *probe;
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    s->visible = visible_of(&p->m->config);
    s->probe = p;
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
    const int8_t *kind = s->probe->kind ? s->probe->kind + w->row * w->T : NULL;
    double *c = cell(&s->cells, w->row, w->layer, w->head);
    for (int i = 0; i < w->nq; i++) {
        Query x = query_at(w, s->visible, i);
        if (x.first == x.last || !x.sees_first) continue;
        bool dormant = first_is_largest(x.A + x.first, x.last - x.first + 1);
        int class = CLASS + (kind ? kind[x.q] : TOKEN_OTHER);
        c[SHARE + ALL] += dormant;
        c[QUERIES + ALL]++;
        c[SHARE + class] += dormant;
        c[QUERIES + class]++;
    }
    if (last_block(w))
        for (int class = ALL; class < SCOPES; class ++) c[SHARE + class] /= c[QUERIES + class];
}

static void close(void *self, Figures *out) {
    State *s = self;
    for (int i = ALL; i < SCOPES; i++)
        if (i == ALL || probe_has_kind(s->probe, i - CLASS))
            cells_report(&s->cells, SHARE + i, &(Names){.head = names[i]}, out);
    cells_free(&s->cells);
    free(s);
}

const Instrument dormant = {
    .name = "dormant",
    .definition = "share of queries q >= 1 whose largest key is the first, no other being as large; by class "
                  "of the query's "
                  "token",
    .paper = "arXiv 2410.13835",
    .columns = "eval_head.dormant, metric dormant_trigger, metric dormant_other, metric dormant_noop",
    .cost = LIGHT,
    .open = open,
    .weights = weights,
    .close = close,
};
