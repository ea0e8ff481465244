#include "model/instruments/means.h"

#include <stdlib.h>

typedef struct State {
    const Means *means;
    Visible visible;
    Cells cells; /* with `add` one more: the number of queries */
} State;

void *means_open(const Probe *p, const Means *m) {
    State *s = instrument_memory(1, sizeof *s);
    int heads = m->by_head ? (int)p->m->config.heads : 1;
    *s = (State){m, visible_of(&p->m->config), cells_make(p, heads, m->figures + (m->add != NULL))};
    return s;
}

void means_see(void *self, const View *v) {
    const State *s = self;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++)
        for (int h = 0; h < s->cells.heads; h++)
            s->means->of(v, row, h, s->visible, cell(&s->cells, v->row0 + row, v->layer, h));
}

void means_weights(void *self, const Weights *w) {
    const State *s = self;
    int figures = s->means->figures;
    double *c = cell(&s->cells, w->row, w->layer, w->head);
    for (int i = 0; i < w->nq; i++) {
        Query x = query_at(w, s->visible, i);
        c[figures] += s->means->add(&x, s->visible, c);
    }
    for (int k = 0; k < figures && last_block(w); k++) c[k] /= c[figures];
}

void means_close(void *self, Figures *out) {
    State *s = self;
    for (int i = 0; i < s->means->figures; i++) cells_report(&s->cells, i, &s->means->names[i], out);
    cells_free(&s->cells);
    free(s);
}
