/* The sink mass of one key (arXiv 2410.10781): imp = sum_q A[q,k] over the queries that see k, by their
 * number (T - k without a mask), by layer, its mean over heads and that of the largest head, before --do and
 * after: whether an intervention at k makes a sink of it (arXiv 2605.06611). Means over the first rows, with
 * their standard errors. */
#include "ablations/probe/kept_weights.h"
#include "ablations/probe/modes.h"
#include "model/instruments/first_keys.h"
#include "model/instruments/stats.h"

#include <string.h>

enum { MEAN, LARGEST, FIGURES };

static double mass_of(const KeptWeights *k, const int32_t *doc_start, int row, int layer, int head, int key) {
    const float *A = weights_of(k, row, layer, head);
    double sum = 0;
    int end = 0;
    for (int q = 0; q < k->T; q++) sum += (double)A[q * k->T + key];
    return sum / queries_of(doc_start + (int64_t)row * k->T, k->T, k->visible, key, &end);
}

static KeyMass mass_of_layer(const KeptWeights *k, const int32_t *doc_start, int layer, int key) {
    double of_head[k->rows], of_layer[k->rows];
    KeyMass m = {0};
    memset(of_layer, 0, sizeof of_layer);
    for (int h = 0; h < k->heads; h++) {
        for (int row = 0; row < k->rows; row++) {
            of_head[row] = mass_of(k, doc_start, row, layer, h, key);
            of_layer[row] += of_head[row] / k->heads;
        }
        double mass = mean_of(of_head, k->rows);
        if (h && mass <= m.most) continue;
        m.most = mass;
        m.most_error = standard_error_of(of_head, k->rows);
    }
    m.mean = mean_of(of_layer, k->rows);
    m.mean_error = standard_error_of(of_layer, k->rows);
    return m;
}

bool key_mass_measure(const ProbedModel *s, const ProbeRows *p, bool changed, int key, KeyMass *mass,
                      Error *e) {
    Tape *t = NULL;
    if (!probed_model_tape(s, p, changed, false, &t, e)) return false;
    KeptWeights k = weights_keep(s->m, p->rows, p->T, WEIGHTS_PROXY);
    Observer eye = weights_observer(&k);
    tape_observe(t, (Observers){&eye, 1});
    model_forward(s->m, t, &(Batch){p->rows, p->T, p->at.x, p->at.y, p->at.doc_start, 0});
    for (int l = 0; l < k.layers; l++) mass[l] = mass_of_layer(&k, p->at.doc_start, l, key);
    weights_free(&k);
    tape_free(t);
    return true;
}

static bool measure(const ProbedModel *s, bool changed, Sheet *sheet, Error *e) {
    const ProbeRows *p = changed && s->no_bos ? &s->other : &s->main;
    int layers = sheet->rows, at = changed ? FIGURES : 0;
    KeyMass mass[layers];
    if (!key_mass_measure(s, p, changed, (int)s->o->key, mass, e)) return false;
    for (int l = 0; l < layers; l++) {
        *sheet_cell(sheet, l, at + MEAN) = mass[l].mean;
        *sheet_error(sheet, l, at + MEAN) = mass[l].mean_error;
        *sheet_cell(sheet, l, at + LARGEST) = mass[l].most;
        *sheet_error(sheet, l, at + LARGEST) = mass[l].most_error;
    }
    return true;
}

bool key_mass_check(const ProbedModel *s, Error *e) {
    int T = s->main.T;
    if (!probed_model_whole(s, "--key", e)) return false;
    return (s->o->key >= 0 && s->o->key < T) ||
           fail(e, EXIT_USAGE, "--key: %lld: not a position (0 to %d)", (long long)s->o->key, T - 1);
}

bool key_mass_show(ProbedModel *s, Error *e) {
    static const char *const columns[] = {"mean", "largest head", "mean after", "largest head after"};
    int layers = (int)s->m->config.layers;
    bool pairs = s->o->changes.n;
    char title[64];
    snprintf(title, sizeof title, "sink mass of key %d", (int)s->o->key);
    Sheet sheet = sheet_make("key", title, layers, pairs ? 2 * FIGURES : FIGURES);
    for (int j = 0; j < sheet.cols; j++) strcpy(sheet.col[j], columns[j]);
    for (int l = 0; l < layers; l++) snprintf(sheet.row[l].name, SHEET_NAME, "layer %d", l);
    bool ok = measure(s, false, &sheet, e) && (!pairs || measure(s, true, &sheet, e));
    if (ok)
        probed_model_show(s, &sheet, &s->main, weights_rows(s->main.rows));
    else
        sheet_free(&sheet);
    return ok;
}
