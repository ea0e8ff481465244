#include "ablations/probe/kept_weights.h"

#include "model/instruments/cells.h"
#include "model/instruments/first_keys.h"

#include <stdlib.h>

int weights_rows(int rows) {
    return rows < WEIGHT_ROWS ? rows : WEIGHT_ROWS;
}

KeptWeights weights_keep(const Model *m, int rows, int T, WeightsOf what) {
    KeptWeights k = {.rows = weights_rows(rows),
                     .layers = (int)m->config.layers,
                     .heads = (int)m->config.heads,
                     .T = T,
                     .what = what,
                     .visible = visible_of(&m->config)};
    k.A = instrument_memory((size_t)k.rows * k.layers * k.heads * T * T, sizeof *k.A);
    return k;
}

void weights_free(KeptWeights *k) {
    free(k->A);
}

float *weights_of(const KeptWeights *k, int64_t row, int layer, int head) {
    return k->A + ((row * k->layers + layer) * k->heads + head) * k->T * k->T;
}

static void see(void *self, const Weights *w) {
    const KeptWeights *kept = self;
    if (w->row >= kept->rows) return;
    float *to = weights_of(kept, w->row, w->layer, w->head);
    for (int q = w->q0; q < w->q0 + w->nq; q++) {
        const float *A = w->A + (q - w->q0) * w->ld;
        int last = visible_to(kept->visible, w->doc_start, w->T, q);
        double scale = kept->what == WEIGHTS_RAW ? 1 : weight_scale(w, A, w->doc_start[q], last);
        for (int k = w->doc_start[q]; k <= last; k++) to[q * w->T + k] = (float)(scale * fabsf(A[k]));
    }
}

Observer weights_observer(KeptWeights *k) {
    return (Observer){0, k, NULL, see};
}
