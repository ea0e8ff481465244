#include "model/instruments/step_layer.h"

#include "model/instruments/gradient_sink.h"
#include "model/instruments/stats.h"

#include <math.h>

enum { SINK, STREAM, ATTN, MLP, QUANTITIES };

Cells step_layer_cells(const Model *m, int rows) {
    return cells_make(&(Probe){.m = m, .rows = rows}, 1, QUANTITIES);
}

static double mean_square(const View *v, int row) {
    const float *x = v->data + (int64_t)row * v->T * v->ld;
    double sum = 0;
    for (int t = 0; t < v->T; t++) sum += dot_floats(x + t * v->ld, x + t * v->ld, v->width);
    return sum / v->T / v->width;
}

static int quantity_at(TapPoint at) {
    switch (at) {
    case TAP_ATTN_IN_GRAD:
        return SINK;
    case TAP_ATTN_ADD:
        return ATTN;
    case TAP_MLP_OUT:
        return MLP;
    default:
        return STREAM;
    }
}

/* The stream after a block, or after the embedding (layer -1), enters the next one. */
static void see(void *self, const View *v) {
    const Cells *c = self;
    int of = quantity_at(v->at), layer = v->layer + (of == STREAM);
    double (*read)(const View *, int) = of == ATTN || of == MLP ? mean_square : gradient_sink_of;
    if (layer == c->layers) return;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++) cell(c, v->row0 + row, layer, 0)[of] = read(v, row);
}

Observer step_layer_observer(Cells *c) {
    uint32_t taps = 1u << TAP_ATTN_ADD | 1u << TAP_MLP_OUT | 1u << TAP_ATTN_IN_GRAD | 1u << TAP_RESID_GRAD |
                    1u << TAP_EMBED_GRAD;
    return (Observer){taps, c, see, NULL};
}

/* A row whose figure is NAN makes the mean NAN: left out of a mean are undefined sinks alone. */
static double root_mean(const Cells *c, int layer, int of) {
    double sum = 0;
    for (int row = 0; row < c->rows; row++) sum += cell(c, row, layer, 0)[of];
    return sqrt(sum / c->rows);
}

void step_layer_take(const Cells *c, const ModelConfig *m, Figures *out) {
    int before = out->n;
    for (int l = 0; l < c->layers; l++) {
        figures_add(out, "gradient_sink", l, -1, cells_mean(c, l, 0, SINK));
        figures_add(out, "stream_gradient_sink", l, -1, cells_mean(c, l, 0, STREAM));
        figures_add(out, "attn_write", l, -1, root_mean(c, l, ATTN));
        figures_add(out, "mlp_write", l, -1, root_mean(c, l, MLP));
    }
    figures_drop_routed(out, before, m);
}
