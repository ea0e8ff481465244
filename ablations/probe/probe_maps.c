/* Attention maps: A[q, k] of every head, averaged over rows, as heat maps in one SVG. */
#include "ablations/page/heat_map.h"
#include "ablations/probe/kept_weights.h"
#include "ablations/probe/modes.h"
#include "model/instruments/cells.h"

#include <stdlib.h>

static void average(const KeptWeights *k, int layer, int head, double *out) {
    for (int row = 0; row < k->rows; row++) {
        const float *A = weights_of(k, row, layer, head);
        for (int i = 0; i < k->T * k->T; i++) out[i] += (double)A[i] / k->rows;
    }
}

static bool draw(ProbedModel *s, const KeptWeights *k, Error *e) {
    int n = k->layers * k->heads, cells = k->T * k->T;
    FILE *out = probed_model_figure(s, "maps", e);
    if (!out) return false;
    HeatPanel *panel = instrument_memory((size_t)n, sizeof *panel);
    double *at = instrument_memory((size_t)n * (size_t)cells, sizeof *at);
    char(*title)[48] = instrument_memory((size_t)n, sizeof *title);
    for (int i = 0; i < n; i++) {
        snprintf(title[i], sizeof *title, "layer %d, head %d", i / k->heads, i % k->heads);
        average(k, i / k->heads, i % k->heads, at + (int64_t)i * cells);
        panel[i] = (HeatPanel){title[i], at + (int64_t)i * cells};
    }
    char over[SHEET_OVER], about[SHEET_OVER + 32];
    probed_model_over(s, s->no_bos ? &s->other : &s->main, k->rows, over);
    snprintf(about, sizeof about, "Attention weights, mean %s", over);
    heat_map(out, &(HeatMap){.title = about,
                             .x_label = "key",
                             .y_label = "query",
                             .rows = k->T,
                             .cols = k->T,
                             .across = k->heads,
                             .cell = 4,
                             .most = 1,
                             .panel = panel,
                             .n = n});
    free(title);
    free(at);
    free(panel);
    return probed_model_close_figure(s, out, "maps", e);
}

bool maps_check(const ProbedModel *s, Error *e) {
    return probed_model_whole(s, "--maps", e);
}

bool maps_show(ProbedModel *s, Error *e) {
    const ProbeRows *p = s->no_bos ? &s->other : &s->main;
    Tape *t = NULL;
    if (!probed_model_tape(s, p, true, false, &t, e)) return false;
    KeptWeights k = weights_keep(s->m, p->rows, p->T, WEIGHTS_PROXY);
    Observer eye = weights_observer(&k);
    tape_observe(t, (Observers){&eye, 1});
    model_forward(s->m, t, &(Batch){p->rows, p->T, p->at.x, p->at.y, p->at.doc_start, 0});
    bool ok = draw(s, &k, e);
    weights_free(&k);
    tape_free(t);
    return ok;
}
