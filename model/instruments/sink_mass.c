/* Owns: sink mass, sink rate and sink position (arXiv 2410.10781).
 * Mass of key k in one sequence and head: imp[k] = sum_q A[q,k] / n_k over the n_k queries that see k
 * (n_k = T - k without a mask; the query q = k counts). The sink mass is that of the first key: the sum
 * of A[q, first key of q's document] over the queries that see that key, by their number. Where there is
 * a document mask or a window the mass of row position 0, imp[0], is handed over as row0_mass as well.
 * Sink rate: share of (sequence, layer, head) whose sink mass is strictly above eps.
 * Of kinds whose rows need not sum to one A is the proxy |A| / sum |A|, as in all instruments of weights:
 * then the figure proxy = 1 says so, and row_sum is that of the raw row (under a null key, what it leaves).
 * Sink position: the k < T/2 of the largest imp[k] averaged over the sequences, and that average. */
#include "model/instruments/queries.h"
#include "model/instruments/secondary_sinks.h"
#include "model/slots.h"

#include <stdlib.h>

enum {
    FIRST,
    ROW_SUM,
    SEEN,
    SECONDARY,
    SECONDARY_MASS,
    RANDOM_MASS,
    KEYS
}; /* of a cell; imp[k] from KEYS on */

typedef struct State {
    Cells cells;
    int T, keys;
    Visible visible;
    bool proxy;
    bool *masked; /* by sequence: some query does not see position 0 */
} State;

static void *open(const Probe *p) {
    State *s = instrument_memory(1, sizeof *s);
    s->T = p->T;
    s->keys = (p->T + 1) / 2;
    s->visible = visible_of(&p->m->config);
    s->proxy = attention_slots[p->m->config.attention].unnormalised;
    s->cells = cells_make(p, (int)p->m->config.heads, KEYS + s->keys);
    s->masked = instrument_memory((size_t)p->rows, sizeof *s->masked);
    return s;
}

static void see(void *self, const View *v) {
    State *s = self;
    for (int row = 0; row < v->rows; row++)
        for (int q = 0; q < v->T; q++)
            s->masked[v->row0 + row] |= first_key(v->doc_start + (int64_t)row * v->T, q, s->visible) > 0;
}

/* Sums to means: by the number of queries that see each key. */
static void finish(const State *s, const Weights *w, double *c) {
    c[FIRST] /= c[SEEN];
    c[ROW_SUM] /= w->T;
    for (int k = 0, end = 0; k < s->keys; k++)
        c[KEYS + k] /= queries_of(w->doc_start, w->T, s->visible, k, &end);
    SecondarySinks beyond = secondary_sinks_of(c + KEYS, s->keys, w->doc_start);
    c[SECONDARY] = beyond.number;
    c[SECONDARY_MASS] = beyond.mass;
    c[RANDOM_MASS] = beyond.random_mass;
}

static void weights(void *self, const Weights *w) {
    const State *s = self;
    double *c = cell(&s->cells, w->row, w->layer, w->head);
    for (int i = 0; i < w->nq; i++) {
        Query x = query_at(w, s->visible, i);
        int end = x.last + 1 < s->keys ? x.last + 1 : s->keys;
        double scale = weight_scale(w, x.A, x.first, x.last);
        for (int k = x.first; k < end; k++) c[KEYS + k] += scale * (double)fabsf(x.A[k]);
        c[ROW_SUM] += sum_floats(x.A + x.first, x.last - x.first + 1);
        if (!x.sees_first) continue;
        c[FIRST] += scale * (double)fabsf(x.A[x.first]);
        c[SEEN]++;
    }
    if (last_block(w)) finish(s, w, c);
}

static void report_rates(const Cells *c, Figures *out) {
    static const struct {
        double eps;
        const char *name;
    } rates[] = {{0.2, "sink_rate_02"}, {0.3, "sink_rate_03"}, {0.5, "sink_rate_05"}, {0.8, "sink_rate_08"}};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        figures_add(out, rates[r].name, -1, -1, cells_share_above(c, -1, -1, FIRST, rates[r].eps));
        for (int l = 0; l < c->layers; l++)
            figures_add(out, rates[r].name, l, -1, cells_share_above(c, l, -1, FIRST, rates[r].eps));
    }
    for (int l = 0; l < c->layers; l++)
        for (int h = 0; h < c->heads; h++)
            figures_add(out, "sink_rate_03", l, h, cells_share_above(c, l, h, FIRST, 0.3));
}

static void report_position(const State *s, Figures *out) {
    for (int l = 0; l < s->cells.layers; l++)
        for (int h = 0; h < s->cells.heads; h++) {
            int at = 0;
            double most = cells_mean(&s->cells, l, h, KEYS);
            for (int k = 1; k < s->keys; k++) {
                double mass = cells_mean(&s->cells, l, h, KEYS + k);
                if (mass <= most) continue;
                most = mass;
                at = k;
            }
            figures_add(out, "sink_position", l, h, at);
            figures_add(out, "sink_position_mass", l, h, most);
        }
}

static void close(void *self, Figures *out) {
    State *s = self;
    bool masked = false;
    for (int row = 0; row < s->cells.rows; row++) masked |= s->masked[row];
    cells_report(&s->cells, FIRST, &(Names){"sink_mass", "sink_mass", "sink_mass", mean_of}, out);
    cells_report(&s->cells, FIRST, &(Names){NULL, NULL, "max_mass", highest_of}, out);
    cells_report(&s->cells, ROW_SUM, &(Names){.head = "row_sum"}, out);
    cells_report(&s->cells, SECONDARY, &(Names){.head = "secondary_sinks"}, out);
    cells_report(&s->cells, SECONDARY_MASS, &(Names){.head = "secondary_mass"}, out);
    cells_report(&s->cells, RANDOM_MASS, &(Names){.head = "random_key_mass"}, out);
    if (s->proxy) figures_add(out, "proxy", -1, -1, 1);
    if (masked) cells_report(&s->cells, KEYS, &(Names){"row0_mass", "row0_mass", "row0_mass", mean_of}, out);
    report_rates(&s->cells, out);
    report_position(s, out);
    free(s->masked);
    cells_free(&s->cells);
    free(s);
}

const Instrument sink_mass = {
    .name = "sink_mass",
    .definition = "mass of the first key, sum_q A[q,0] / T, under a mask that of row position 0 too",
    .paper = "arXiv 2410.10781",
    .columns = "eval.sink_mass, eval.max_mass, eval_layer.sink_mass, eval_head.sink_mass, secondary_sinks, "
               "secondary_mass, random_key_mass, metric row0_mass",
    .cost = LIGHT,
    .open = open,
    .taps = 1 << TAP_EMBED,
    .see = see,
    .weights = weights,
    .close = close,
};
