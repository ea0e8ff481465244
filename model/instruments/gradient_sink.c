/* Owns: the gradient sink (arXiv 2603.17771): |g_0| / mean_{t>0} |g_t|, g_t the gradient of the mean loss
 * over the scored targets by the normed input of attention at position t (through q, k, v and gates; of where
 * no norm stands, the stream as attention reads it), and by the residual stream that enters the block. Of
 * each sequence, then the mean over sequences. */
#include "model/instruments/gradient_sink.h"

#include "model/instruments/cells.h"
#include "model/instruments/first_keys.h"
#include "model/instruments/stats.h"

#include <stdlib.h>

enum { INPUT, STREAM, GRADIENTS };

double gradient_sink_of(const View *v, int row) {
    const float *g = v->data + (int64_t)row * v->T * v->ld;
    const int32_t *doc_start = v->doc_start + (int64_t)row * v->T;
    double first = 0, rest = 0;
    int firsts = 0;
    for (int t = 0; t < v->T; t++) {
        double norm = norm_floats(g + t * v->ld, v->width);
        *(is_first(doc_start, t) ? &first : &rest) += norm;
        firsts += is_first(doc_start, t);
    }
    return quotient(first / firsts, rest / (v->T - firsts));
}

static void *open(const Probe *p) {
    Cells *c = instrument_memory(1, sizeof *c);
    *c = cells_make(p, 1, GRADIENTS);
    return c;
}

/* The stream after a block, or after the embedding (layer -1), enters the next one. */
static void see(void *self, const View *v) {
    const Cells *c = self;
    int of = v->at == TAP_ATTN_IN_GRAD ? INPUT : STREAM, layer = v->layer + (of == STREAM);
    if (layer == c->layers) return;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++) cell(c, v->row0 + row, layer, 0)[of] = gradient_sink_of(v, row);
}

static void close(void *self, Figures *out) {
    Cells *c = self;
    cells_report(c, INPUT, &(Names){NULL, "gradient_sink", NULL, NULL}, out);
    cells_report(c, STREAM, &(Names){NULL, "stream_gradient_sink", NULL, NULL}, out);
    cells_free(c);
    free(c);
}

const Instrument gradient_sink = {
    .name = "gradient_sink",
    .definition =
        "|g_0| / mean_{t>0} |g_t|, g the loss's gradient by attention's normed input; by the block's",
    .paper = "arXiv 2603.17771",
    .columns = "eval_layer.gradient_sink, eval_layer.stream_gradient_sink",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_ATTN_IN_GRAD | 1 << TAP_RESID_GRAD | 1 << TAP_EMBED_GRAD,
    .see = see,
    .close = close,
};
