/* Owns: positive scores (arXiv 2605.06611): the share of queries with q.k_0 > 0 among those that see
 * the first key, k_0 being the first key of the query's document. Keys locked in the direction of the
 * dominant channel have a share near 1. */
#include "model/instruments/queries.h"

static void *open(const Probe *p) {
    return head_cells_open(p, 1);
}

static double share(const View *v, int row, int head, Visible visible) {
    const Heads *heads = v->heads;
    const int32_t *doc_start = v->doc_start + (int64_t)row * v->T;
    const float *q = heads->q + (int64_t)row * v->T * heads->ld + (int64_t)head * heads->dh;
    const float *k = heads->k + (int64_t)row * v->T * heads->ld + (int64_t)(head / heads->group) * heads->dh;
    int positive = 0, seen = 0;
    for (int t = 0; t < v->T; t++) {
        if (!visible_first(visible, doc_start, t)) continue;
        positive += dot_floats(q + t * heads->ld, k + doc_start[t] * heads->ld, heads->dh) > 0;
        seen++;
    }
    return (double)positive / seen;
}

static void see(void *self, const View *v) {
    const HeadCells *s = self;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++)
        for (int h = 0; h < s->cells.heads; h++)
            *cell(&s->cells, v->row0 + row, v->layer, h) = share(v, row, h, s->visible);
}

static void close(void *self, Figures *out) {
    HeadCells *s = self;
    cells_report(&s->cells, 0, &(Names){.head = "positive"}, out);
    head_cells_free(s);
}

const Instrument positive_scores = {
    .name = "positive_scores",
    .definition = "share of queries with q.k_0 > 0",
    .paper = "arXiv 2605.06611",
    .columns = "eval_head.positive",
    .cost = LIGHT,
    .open = open,
    .taps = 1 << TAP_ATTN_OUT,
    .see = see,
    .close = close,
};
