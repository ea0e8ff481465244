#include "model/instruments/queries.h"

#include <stdlib.h>

HeadCells *head_cells_open(const Probe *p, int width) {
    HeadCells *s = instrument_memory(1, sizeof *s);
    *s = (HeadCells){cells_make(p, (int)p->m->config.heads, width), visible_of(&p->m->config)};
    return s;
}

void head_cells_free(HeadCells *s) {
    cells_free(&s->cells);
    free(s);
}

void head_cells_mean(const HeadCells *s, const Weights *w, QueryFigures *add) {
    double *c = cell(&s->cells, w->row, w->layer, w->head);
    int figures = s->cells.width - 1;
    for (int i = 0; i < w->nq; i++) {
        Query x = query_at(w, s->visible, i);
        c[figures] += add(&x, s->visible, c);
    }
    for (int k = 0; k < figures && last_block(w); k++) c[k] /= c[figures];
}
