/* Owns: sizes at five places of a block (asked for in OLMo#330; arXiv 2601.22966 follows them): root mean
 * square, over all tokens and channels, of attention's normed input, of what attention adds to the stream, of
 * the MLP's normed input, of what the MLP adds, of the stream that leaves. What is added is behind the norm
 * that model.norm may put there. attn_write and mlp_write are those of step_layer, over the probe's rows. */
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>

static const struct {
    TapPoint at;
    const char *name;
} places[] = {{TAP_ATTN_IN, "attn_in_size"},
              {TAP_ATTN_ADD, "attn_write"},
              {TAP_MLP_IN, "mlp_in_size"},
              {TAP_MLP_OUT, "mlp_write"},
              {TAP_RESID, "stream_size"}};
enum { PLACES = sizeof places / sizeof *places };

/* A cell has the mean square of its sequence at each place. */
static void *open(const Probe *p) {
    Cells *c = instrument_memory(1, sizeof *c);
    *c = cells_make(p, 1, PLACES);
    return c;
}

static void see(void *self, const View *v) {
    const Cells *c = self;
    int place = 0;
    while (places[place].at != v->at) place++;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++) {
        const float *x = v->data + (int64_t)row * v->T * v->ld;
        double sum = 0;
        for (int t = 0; t < v->T; t++) sum += dot_floats(x + t * v->ld, x + t * v->ld, v->width);
        cell(c, v->row0 + row, v->layer, 0)[place] = sum / v->T / v->width;
    }
}

static void close(void *self, Figures *out) {
    Cells *c = self;
    for (int l = 0; l < c->layers; l++)
        for (int i = 0; i < PLACES; i++)
            figures_add(out, places[i].name, l, -1, sqrt(cells_mean(c, l, 0, i)));
    cells_free(c);
    free(c);
}

const Instrument write_sizes = {
    .name = "write_sizes",
    .definition = "root mean square of attention's input, its write, the MLP's input, its write, the stream",
    .paper = "arXiv 2601.22966",
    .columns = "eval_layer.attn_in_size, attn_write, mlp_in_size, mlp_write, stream_size",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_ATTN_IN | 1 << TAP_ATTN_ADD | 1 << TAP_MLP_IN | 1 << TAP_MLP_OUT | 1 << TAP_RESID,
    .see = see,
    .close = close,
};
