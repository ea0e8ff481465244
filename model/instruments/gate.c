/* Owns: the gate that a sink makes of a head (arXiv 2602.01203): G = mean over the queries q >= 1 of
 * 1 - A[q,0], the share of a head's weight that is not parked, and how unevenly a layer's heads have it:
 * CV^2, the variance of G over the heads (divided by their number) over the square of its mean; of each
 * sequence, then the mean, as train.gate_balance penalises it (model/model.h). Without a sink G is about 1
 * minus the uniform control and CV^2 is small. A query that does not see its document's first key parks
 * nothing there. Several documents in a row: the queries that are no first token, each by its own first key.
 */
#include "model/instruments/cells.h"
#include "model/instruments/first_keys.h"

#include <stdlib.h>

static void *open(const Probe *p) {
    Cells *c = instrument_memory(1, sizeof *c);
    *c = cells_make(p, (int)p->m->config.heads, 1);
    return c;
}

/* first (T): the weight of each query on its first key. */
static double gate_of(const float *first, const int32_t *doc_start, int T) {
    double sum = 0;
    int queries = 0;
    for (int q = 0; q < T; q++) {
        if (is_first(doc_start, q)) continue;
        sum += 1 - (double)first[q];
        queries++;
    }
    return quotient(sum, queries);
}

static void see(void *self, const View *v) {
    const Cells *c = self;
    for (int row = 0; row < v->rows; row++)
        for (int h = 0; h < c->heads; h++)
            *cell(c, v->row0 + row, v->layer, h) =
                gate_of(v->heads->first + ((int64_t)row * c->heads + h) * v->T,
                        v->doc_start + (int64_t)row * v->T, v->T);
}

static double cv_squared(const double *gate, int heads) {
    double mean = 0, squares = 0;
    for (int h = 0; h < heads; h++) mean += gate[h] / heads;
    for (int h = 0; h < heads; h++) squares += (gate[h] - mean) * (gate[h] - mean) / heads;
    return quotient(squares, mean * mean);
}

static void close(void *self, Figures *out) {
    Cells *c = self;
    double *of_row = instrument_memory((size_t)c->rows, sizeof *of_row);
    cells_report(c, 0, &(Names){.head = "gate"}, out);
    for (int l = 0; l < c->layers; l++) {
        for (int row = 0; row < c->rows; row++) of_row[row] = cv_squared(cell(c, row, l, 0), c->heads);
        figures_add(out, "gate_cv2", l, -1, mean_of(of_row, c->rows));
    }
    free(of_row);
    cells_free(c);
    free(c);
}

const Instrument gate = {
    .name = "gate",
    .definition = "G = mean over q >= 1 of 1 - A[q,0]; CV^2 of G over the heads of a layer",
    .paper = "arXiv 2602.01203",
    .columns = "eval_head.gate, eval_layer.gate_cv2",
    .cost = LIGHT,
    .open = open,
    .taps = 1 << TAP_ATTN_OUT,
    .see = see,
    .close = close,
};
