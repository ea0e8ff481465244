/* Owns: dimension dominance where arXiv 2605.06611 takes it, after the norm that follows: DomRatio(h_t) =
 * max_j |h_tj| / mean_j |h_tj| of the stream after a layer as the next one's attention reads it (after the
 * last: as the head does; where no norm stands there, the stream as it is). Of the first token (the mean over
 * first tokens when a row has several documents), the median of the rest, the first over d, its bound, and
 * the control: a vector of d normal numbers. */
#include "model/instruments/cells.h"
#include "model/instruments/dominance.h"
#include "model/instruments/first_rest.h"
#include "model/instruments/gaussian.h"

#include <stdlib.h>

enum { FIRST, REST, WIDTH };

typedef struct State {
    int d;
    Cells cells;
} State;

/* Not of routed models, some of whose norms see a part of the tokens. */
static void *open(const Probe *p) {
    if (config_routes(&p->m->config)) return NULL;
    State *s = instrument_memory(1, sizeof *s);
    *s = (State){(int)p->m->config.width, cells_make(p, 1, WIDTH)};
    return s;
}

static void see(void *self, const View *v) {
    const State *s = self;
    int layer = (v->at == TAP_FINAL ? s->cells.layers : v->layer) - 1;
    if (layer < 0) return; /* what the first layer reads comes after none */
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++) {
        const float *h = v->data + (int64_t)row * v->T * v->ld;
        double ratios[v->T], *c = cell(&s->cells, v->row0 + row, layer, 0);
        for (int t = 0; t < v->T; t++) ratios[t] = dom_ratio(h + t * v->ld, v->width);
        FirstRest r = first_rest(ratios, v->doc_start + (int64_t)row * v->T, v->T);
        c[FIRST] = r.first;
        c[REST] = r.rest;
    }
}

static void close(void *self, Figures *out) {
    State *s = self;
    double random = gaussian_dominance(s->d);
    for (int l = 0; l < s->cells.layers; l++) {
        double first = cells_mean(&s->cells, l, 0, FIRST);
        figures_add(out, "dom_ratio_normed", l, -1, first);
        figures_add(out, "dom_ratio_normed_rest", l, -1, cells_mean(&s->cells, l, 0, REST));
        figures_add(out, "dom_ratio_of_bound", l, -1, first / s->d);
        figures_add(out, "dom_ratio_random", l, -1, random);
    }
    cells_free(&s->cells);
    free(s);
}

const Instrument normed_dominance = {
    .name = "normed_dominance",
    .definition =
        "DomRatio after the norm that follows the layer, at t = 0 and the median of the rest; at 0 over "
        "its bound d; of a vector of d normal numbers",
    .paper = "arXiv 2605.06611",
    .columns = "eval_layer.dom_ratio_normed, dom_ratio_normed_rest, dom_ratio_of_bound, dom_ratio_random",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_ATTN_IN | 1 << TAP_FINAL,
    .see = see,
    .close = close,
};
