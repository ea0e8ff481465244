/* Owns: the uniform control: the sink mass that attention would have if every query spread its weight
 * evenly over the keys it sees: (1/T) sum_q 1/(q+1) without a mask, 0.0741 at T = 64. Above 0.3 for
 * T <= 9, where a sink rate means nothing. A key that an intervention hides (zero_column) counts as seen: the
 * control is that of the model as it was. */
#include "model/instruments/cells.h"
#include "model/instruments/first_keys.h"

#include <stdlib.h>

typedef struct State {
    int rows;
    Visible visible;
    double *mass; /* by sequence */
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    s->rows = p->rows;
    s->visible = visible_of(&p->m->config);
    s->mass = instrument_memory((size_t)p->rows, sizeof *s->mass);
    return s;
}

static double control(const int32_t *doc_start, int T, Visible visible) {
    double sum = 0;
    int seen = 0;
    for (int q = 0; q < T; q++) {
        if (!visible_first(visible, doc_start, q)) continue;
        sum += 1.0 / visible_keys(visible, doc_start, T, q);
        seen++;
    }
    return sum / seen;
}

static void see(void *self, const View *v) {
    State *s = self;
    for (int row = 0; row < v->rows; row++)
        s->mass[v->row0 + row] = control(v->doc_start + (int64_t)row * v->T, v->T, s->visible);
}

static void close(void *self, Figures *out) {
    State *s = self;
    figures_add(out, "uniform_mass", -1, -1, mean_of(s->mass, s->rows));
    free(s->mass);
    free(s);
}

const Instrument uniform_mass = {
    .name = "uniform_mass",
    .definition = "mass of the first key under uniform attention, (1/T) sum_q 1/(q+1) without a mask",
    .paper = "the control of arXiv 2410.10781",
    .columns = "eval.uniform_mass",
    .cost = LIGHT,
    .open = open,
    .taps = 1 << TAP_EMBED,
    .see = see,
    .close = close,
};
