/* Representational collapse (arXiv 2504.02732 and its theory): how far the last vector of a text of n tokens
 * is from that of the same text with its last token repeated, |a - b| / |a| after every layer, averaged over
 * the rows. Where it falls towards 0 as n grows the two texts become one to the model. */
#include "ablations/probe/modes.h"
#include "model/instruments/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Ends {
    int n, d, rows;   /* tokens of the shorter text */
    double *distance; /* (layers) */
} Ends;

/* The text stands in the row with its n-th token repeated: a causal row holds both texts. */
static void see(void *self, const View *v) {
    const Ends *s = self;
    for (int row = 0; row < v->rows; row++) {
        const float *a = v->data + ((int64_t)row * v->T + s->n - 1) * v->ld, *b = a + v->ld;
        double change = 0, size = 0;
        for (int i = 0; i < s->d; i++) {
            change += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
            size += (double)a[i] * a[i];
        }
        if (size > 0) s->distance[v->layer] += sqrt(change / size) / s->rows;
    }
}

void collapse_measure(const ProbedModel *s, Tape *t, const ProbeRows *p, int n, double *distance) {
    size_t tokens = (size_t)p->rows * (size_t)p->T;
    int32_t *x = instrument_memory(tokens, sizeof *x);
    memcpy(x, p->at.x, tokens * sizeof *x);
    for (int row = 0; row < p->rows; row++) x[row * p->T + n] = x[row * p->T + n - 1];
    Ends ends = {n, (int)s->m->config.width, p->rows, distance};
    Observer eye = {1u << TAP_RESID, &ends, see, NULL};
    tape_observe(t, (Observers){&eye, 1});
    model_forward(s->m, t, &(Batch){p->rows, p->T, x, p->at.y, p->at.doc_start, 0});
    free(x);
}

bool collapse_check(const ProbedModel *s, Error *e) {
    return s->main.T >= 3 ||
           fail(e, EXIT_USAGE, "--collapse: rows of %d tokens are too short (3)", s->main.T);
}

bool collapse_show(ProbedModel *s, Error *e) {
    const ProbeRows *p = s->no_bos ? &s->other : &s->main;
    Tape *t = NULL;
    if (!probed_model_tape(s, p, true, false, &t, e)) return false;
    int layers = (int)s->m->config.layers, lengths = 0;
    for (int n = 2; n < p->T; n *= 2) lengths++;
    Sheet sheet = sheet_make(
        "collapse", "distance of a text's last vector to that of its last token repeated", lengths, layers);
    for (int i = 0, n = 2; i < lengths; i++, n *= 2) {
        for (int l = 0; l < layers; l++) *sheet_cell(&sheet, i, l) = 0;
        snprintf(sheet.row[i].name, SHEET_NAME, "%d tokens", n);
        collapse_measure(s, t, p, n, sheet_cell(&sheet, i, 0));
    }
    for (int l = 0; l < layers; l++) snprintf(sheet.col[l], SHEET_NAME, "layer %d", l);
    tape_free(t);
    probed_model_show(s, &sheet, &s->main, s->main.rows);
    return true;
}
