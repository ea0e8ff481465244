/* Owns: the value drain (arXiv 2410.13835, 2504.02732): |v_0| / median_{t>0} |v_t| of each head; with
 * several documents in a row, the mean over their first tokens for v_0. Heads that share keys and values
 * share their drain. */
#include "model/instruments/cells.h"
#include "model/instruments/first_rest.h"
#include "model/instruments/stats.h"

#include <stdlib.h>

static void *open(const Probe *p) {
    Cells *c = instrument_memory(1, sizeof *c);
    *c = cells_make(p, (int)p->m->config.heads, 1);
    return c;
}

static double drain(const View *v, int row, int head) {
    const Heads *heads = v->heads;
    const float *values =
        heads->v + (int64_t)row * v->T * heads->ld + (int64_t)(head / heads->group) * heads->dh;
    double norms[v->T];
    for (int t = 0; t < v->T; t++) norms[t] = norm_floats(values + t * heads->ld, heads->dh);
    FirstRest n = first_rest(norms, v->doc_start + (int64_t)row * v->T, v->T);
    return quotient(n.first, n.rest);
}

static void see(void *self, const View *v) {
    const Cells *c = self;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++)
        for (int h = 0; h < c->heads; h++) *cell(c, v->row0 + row, v->layer, h) = drain(v, row, h);
}

static void close(void *self, Figures *out) {
    Cells *c = self;
    cells_report(c, 0, &(Names){"value_drain", NULL, "value_drain", median_of}, out);
    cells_free(c);
    free(c);
}

const Instrument value_drain = {
    .name = "value_drain",
    .definition = "|v_0| / median_{t>0} |v_t|; of the model: median over layers and heads",
    .paper = "arXiv 2410.13835, 2504.02732",
    .columns = "eval.value_drain, eval_head.value_drain",
    .cost = LIGHT,
    .open = open,
    .taps = 1 << TAP_ATTN_OUT,
    .see = see,
    .close = close,
};
