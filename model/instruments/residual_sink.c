/* Owns: the residual sink (arXiv 2601.22966): of the stream after a layer the channel of the largest mean |x|
 * over all tokens, that mean over the median channel's, and the gain that the norm which follows has for the
 * channel, |g_j| over the median |g| (the norm before the next layer's attention, after the last layer the
 * one before the head). The paper's account is a rescaling: a large channel makes the norm small for all
 * others, and its own gain is learned away, far below 1. Without one the ratio is that of the largest of d
 * like channels, 1 to 2. Nothing is said of the gain where no norm stands there, or one without a gain a
 * channel. */
#include "model/instruments/cells.h"
#include "model/instruments/stats.h"
#include "model/slots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct State {
    const Model *m;
    Cells cells; /* sum over a sequence's tokens of |x|, by channel */
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    *s = (State){p->m, cells_make(p, 1, (int)p->m->config.width)};
    return s;
}

static void see(void *self, const View *v) {
    const State *s = self;
#pragma omp parallel for schedule(static)
    for (int row = 0; row < v->rows; row++) {
        double *sum = memset(cell(&s->cells, v->row0 + row, v->layer, 0), 0, (size_t)v->width * sizeof *sum);
        for (int t = 0; t < v->T; t++) {
            const float *x = v->data + ((int64_t)row * v->T + t) * v->ld;
            for (int j = 0; j < v->width; j++) sum[j] += (double)fabsf(x[j]);
        }
    }
}

/* The gain (d) of the norm that reads the stream after layer l; NULL: there is none. */
static const float *gain_after(const Model *m, int l) {
    bool last = l + 1 == (int)m->config.layers;
    const Tensor *t = model_tensor(m, last ? -1 : l + 1, last ? STAGE_NORM_FINAL : STAGE_NORM_ATTN, 0);
    return t && t->rows == m->config.width ? m->params + t->offset : NULL;
}

/* The largest of x (d) over their median. */
static double over_median(const double *x, int d, int *channel) {
    double sorted[d];
    memcpy(sorted, x, sizeof sorted);
    for (int j = *channel = 0; j < d; j++)
        if (x[j] > x[*channel]) *channel = j;
    return quotient(x[*channel], median_of(sorted, d));
}

static double gain_of(const float *gain, int d, int channel) {
    double sizes[d];
    for (int j = 0; j < d; j++) sizes[j] = fabs((double)gain[j]);
    return quotient(fabs((double)gain[channel]), median_of(sizes, d));
}

static void close(void *self, Figures *out) {
    State *s = self;
    int d = s->cells.width, channel;
    for (int l = 0; l < s->cells.layers; l++) {
        double mean[d];
        for (int j = 0; j < d; j++) mean[j] = cells_mean(&s->cells, l, 0, j);
        double ratio = over_median(mean, d, &channel);
        const float *gain = gain_after(s->m, l);
        figures_add(out, "residual_sink", l, -1, ratio);
        figures_add(out, "residual_sink_channel", l, -1, channel);
        if (gain) figures_add(out, "residual_sink_gain", l, -1, gain_of(gain, d, channel));
    }
    cells_free(&s->cells);
    free(s);
}

const Instrument residual_sink = {
    .name = "residual_sink",
    .definition =
        "largest channel's mean |x| over the median channel's, the channel, and there |gain| of the "
        "norm that follows over the median |gain|",
    .paper = "arXiv 2601.22966",
    .columns = "eval_layer.residual_sink, residual_sink_channel, residual_sink_gain",
    .cost = HEAVY,
    .open = open,
    .taps = 1 << TAP_RESID,
    .see = see,
    .close = close,
};
