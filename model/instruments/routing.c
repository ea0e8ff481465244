/* Owns: what a router makes of the first token (arXiv 2404.02258): in each routed block the share of rows
 * whose first token is picked, and the router's mean number of it and of the others. By chance the share is
 * that of model.depth_capacity. */
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"

#include <stdlib.h>

enum { PICKED, FIRST, REST, WIDTH };

typedef struct State {
    const ModelConfig *config;
    Cells cells;
} State;

static void *open(const Probe *p) {
    if (!config_routes(&p->m->config)) return NULL;
    State *s = instrument_memory(1, sizeof *s);
    *s = (State){&p->m->config, cells_make(p, 1, WIDTH)};
    return s;
}

static void see(void *self, const View *v) {
    const State *s = self;
    for (int row = 0; row < v->rows; row++) {
        const float *r = v->data + (int64_t)row * v->T;
        double *c = cell(&s->cells, v->row0 + row, v->layer, 0), rest = 0;
        int larger = 0;
        for (int t = 1; t < v->T; t++) {
            larger += r[t] > r[0];
            rest += (double)r[t];
        }
        c[PICKED] = larger < config_routed_tokens(s->config, v->T);
        c[FIRST] = (double)r[0];
        c[REST] = quotient(rest, v->T - 1);
    }
}

static void close(void *self, Figures *out) {
    static const char *const names[WIDTH] = {"first_picked", "router_first", "router_rest"};
    State *s = self;
    for (int l = 0; l < s->cells.layers; l++)
        for (int i = 0; i < WIDTH && config_is_routed(s->config, l); i++)
            figures_add(out, names[i], l, -1, cells_mean(&s->cells, l, 0, i));
    cells_free(&s->cells);
    free(s);
}

const Instrument routing = {
    .name = "routing",
    .definition =
        "of a routed block: share of rows whose first token is picked; the router's mean number of it, "
        "and of the others",
    .paper = "arXiv 2404.02258",
    .columns = "metric first_picked, router_first, router_rest",
    .cost = LIGHT,
    .open = open,
    .taps = 1 << TAP_ROUTE,
    .see = see,
    .close = close,
};
