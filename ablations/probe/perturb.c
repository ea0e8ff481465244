/* Perturbation spread (arXiv 2504.02732): one token changed at position i, |dx_t| / |x_t| of the residual
 * stream after every layer at every t >= i, averaged over the rows, with BOS at position 0 and without. */
#include "ablations/page/heat_map.h"
#include "ablations/probe/modes.h"
#include "data/base/rng.h"
#include "model/instruments/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DRAW = 1 }; /* the step of the random numbers of the new tokens */

/* The stream of the text as it is, and the spread of the change against it. */
typedef struct Spread {
    int rows, T, d, layers;
    bool changed;   /* which of the two passes this is */
    float *stream;  /* (layers, rows, T, d) */
    double *spread; /* (layers, T) */
} Spread;

static double moved(const float *a, const float *b, int d) {
    double change = 0, size = 0;
    for (int i = 0; i < d; i++) {
        change += ((double)b[i] - a[i]) * ((double)b[i] - a[i]);
        size += (double)a[i] * a[i];
    }
    return size > 0 ? sqrt(change / size) : 0;
}

static void see(void *self, const View *v) {
    Spread *s = self;
    float *was = s->stream + (int64_t)v->layer * v->tokens * s->d;
    if (!s->changed) {
        memcpy(was, v->data, (size_t)(v->tokens * s->d) * sizeof *was);
        return;
    }
    for (int64_t n = 0; n < v->tokens; n++)
        s->spread[v->layer * s->T + n % s->T] += moved(was + n * s->d, v->data + n * v->ld, s->d) / s->rows;
}

static int32_t another_token(const ProbedModel *s, int row, int32_t token) {
    uint64_t V = (uint64_t)s->m->config.vocab;
    uint64_t by = 1 + rng_below(config_seed(&s->c, SEED_PROBE), RNG_SKETCH, DRAW, (uint64_t)row, V - 1);
    return (int32_t)(((uint64_t)token + by) % V);
}

bool perturb_measure(const ProbedModel *s, const ProbeRows *p, const int32_t *changed, double *spread,
                     Error *e) {
    Tape *t = NULL;
    if (!probed_model_tape(s, p, true, false, &t, e)) return false;
    int layers = (int)s->m->config.layers, d = (int)s->m->config.width;
    size_t n = (size_t)p->rows * (size_t)p->T;
    Spread of = {p->rows, p->T, d, layers, false, NULL, spread};
    of.stream = instrument_memory((size_t)layers * n * (size_t)d, sizeof *of.stream);
    Observer eye = {1u << TAP_RESID, &of, see, NULL};
    tape_observe(t, (Observers){&eye, 1});
    model_forward(s->m, t, &(Batch){p->rows, p->T, p->at.x, p->at.y, p->at.doc_start, 0});
    of.changed = true;
    model_forward(s->m, t, &(Batch){p->rows, p->T, changed, p->at.y, p->at.doc_start, 0});
    free(of.stream);
    tape_free(t);
    return true;
}

/* Every row with another token at the position asked for. */
static bool measure(const ProbedModel *s, const ProbeRows *p, double *spread, Error *e) {
    size_t n = (size_t)p->rows * (size_t)p->T;
    int32_t *changed = instrument_memory(n, sizeof *changed);
    memcpy(changed, p->at.x, n * sizeof *changed);
    for (int row = 0; row < p->rows; row++) {
        int32_t *token = &changed[(int64_t)row * p->T + s->o->perturb];
        *token = another_token(s, row, *token);
    }
    bool ok = perturb_measure(s, p, changed, spread, e);
    free(changed);
    return ok;
}

static bool draw(ProbedModel *s, const HeatPanel *panel, Error *e) {
    FILE *out = probed_model_figure(s, "perturb", e);
    int layers = (int)s->m->config.layers, T = s->main.T;
    double most = 0;
    if (!out) return false;
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < layers * T; k++)
            if (k % T != s->o->perturb) most = fmax(most, panel[i].at[k]);
    char title[96];
    snprintf(title, sizeof title, "Spread |dx| / |x| of one token changed at position %d",
             (int)s->o->perturb);
    heat_map(out, &(HeatMap){.title = title,
                             .x_label = "position",
                             .y_label = "layer",
                             .rows = layers,
                             .cols = T,
                             .across = 1,
                             .cell = 12,
                             .most = most > 0 ? most : 1,
                             .panel = panel,
                             .n = 2});
    return probed_model_close_figure(s, out, "perturb", e);
}

static void show(ProbedModel *s, double *const spread[2]) {
    int layers = (int)s->m->config.layers, T = s->main.T, pos = (int)s->o->perturb;
    Sheet sheet = sheet_make("perturb", "spread of one changed token: |dx| / |x|, mean over rows",
                             T - pos + 1, 2 * layers);
    strcpy(sheet.row[T - pos].name, "later positions, mean");
    for (int j = 0; j < 2 * layers; j++) {
        snprintf(sheet.col[j], SHEET_NAME, "layer %d%s", j / 2, j % 2 ? " no BOS" : " BOS");
        const double *of = spread[j % 2] + j / 2 * T;
        double sum = 0;
        for (int t = pos; t < T; t++) {
            snprintf(sheet.row[t - pos].name, SHEET_NAME, "position %d", t);
            *sheet_cell(&sheet, t - pos, j) = of[t];
            if (t > pos) sum += of[t] / (T - 1 - pos);
        }
        if (pos < T - 1) *sheet_cell(&sheet, T - pos, j) = sum;
    }
    probed_model_show(s, &sheet, &s->main, s->main.rows);
}

bool perturb_check(const ProbedModel *s, Error *e) {
    if (!s->other.rows)
        return fail(e, EXIT_USAGE,
                    "--perturb: these rows stand as they are: there is no BOS to put before them");
    int T = s->main.T;
    return (s->o->perturb >= 1 && s->o->perturb < T) ||
           fail(e, EXIT_USAGE, "--perturb: %lld: not a position where text stands (1 to %d)",
                (long long)s->o->perturb, T - 1);
}

bool perturb_show(ProbedModel *s, Error *e) {
    int T = s->main.T;
    bool bos = s->c.data.bos == BOS_ROW;
    double *spread[2];
    for (int i = 0; i < 2; i++)
        spread[i] = instrument_memory((size_t)s->m->config.layers * (size_t)T, sizeof(double));
    HeatPanel panel[2] = {{"with BOS at position 0", spread[0]}, {"without BOS", spread[1]}};
    bool ok = measure(s, bos ? &s->main : &s->other, spread[0], e) &&
              measure(s, bos ? &s->other : &s->main, spread[1], e);
    if (ok) show(s, spread);
    ok = ok && draw(s, panel, e);
    for (int i = 0; i < 2; i++) free(spread[i]);
    return ok;
}
