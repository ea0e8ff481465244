/* Owns: prefix matching (TransformerLens#108; induction heads, arXiv 2209.11895): the weight that a query at
 * q gives to the keys k that follow an earlier occurrence of its own token, x_{k-1} = x_q, k <= q; the mean
 * over the queries that have such a key, and the control, the weight that these keys would have under uniform
 * attention, their number over that of the keys seen. A head that induces is far above the control, one that
 * parks on the first token below. Mean over the sequences that hold such a query. */
#include "model/instruments/queries.h"

#include <stdlib.h>

enum { MATCHING, UNIFORM, QUERIES, WIDTH };

typedef struct State {
    Cells cells;
    Visible visible;
    const int32_t *x;
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    *s = (State){cells_make(p, (int)p->m->config.heads, WIDTH), visible_of(&p->m->config), p->x};
    return s;
}

/* Whether the query sees key k: of a window, those kept before it and those within. */
static bool sees(const Query *x, Visible visible, int k) {
    return k < visible_kept(visible, x->w->doc_start, x->q) ||
           k >= visible_from(visible, x->w->doc_start, x->q);
}

static void add(const State *s, const Query *x, double *c) {
    const Weights *w = x->w;
    const int32_t *tokens = s->x + w->row * w->T;
    double scale = weight_scale(w, x->A, x->first, x->last), sum = 0;
    int keys = 0;
    for (int k = w->doc_start[x->q] + 1; k <= x->q; k++) {
        if (tokens[k - 1] != tokens[x->q] || !sees(x, s->visible, k)) continue;
        sum += scale * (double)fabsf(x->A[k]);
        keys++;
    }
    if (!keys) return;
    c[MATCHING] += sum;
    c[UNIFORM] += (double)keys / visible_keys(s->visible, w->doc_start, w->T, x->q);
    c[QUERIES]++;
}

static void weights(void *self, const Weights *w) {
    const State *s = self;
    double *c = cell(&s->cells, w->row, w->layer, w->head);
    for (int i = 0; i < w->nq; i++) {
        Query x = query_at(w, s->visible, i);
        add(s, &x, c);
    }
    for (int k = 0; k < QUERIES && last_block(w); k++) c[k] /= c[QUERIES]; /* NAN where there is none */
}

static void close(void *self, Figures *out) {
    State *s = self;
    double found = cells_mean(&s->cells, 0, 0, UNIFORM);
    if (!isnan(found)) {
        cells_report(&s->cells, MATCHING, &(Names){.head = "prefix_matching"}, out);
        figures_add(out, "prefix_uniform", -1, -1, found);
    }
    cells_free(&s->cells);
    free(s);
}

const Instrument prefix_matching = {
    .name = "prefix_matching",
    .definition = "weight on keys that follow an earlier occurrence of the query's token, over queries that "
                  "have one; under uniform attention",
    .paper = "TransformerLens#108, arXiv 2209.11895",
    .columns = "eval_head.prefix_matching, eval.prefix_uniform",
    .cost = HEAVY,
    .open = open,
    .weights = weights,
    .close = close,
};
