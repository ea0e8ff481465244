/* Pruning of heads: the loss against how many heads are gone, in order of their gate G, the mean over queries
 * q >= 1 of 1 - A[q,0] (arXiv 2602.01203): the heads that park most first, or last, beside the mean over
 * ORDERS random orders with its standard error. A head is gone when its columns of W_O are zero. Where a sink
 * is how a head does nothing, heads that sink cost least: the first curve stays below the random one, the
 * second above. */
#include "ablations/probe/modes.h"
#include "data/base/rng.h"
#include "model/instruments/cells.h"
#include "model/instruments/instrument_table.h"
#include "model/instruments/stats.h"

#include <stdlib.h>
#include <string.h>

enum { ORDERS = 8, POINTS = 32 };

static bool gates_of(const ProbedModel *s, const ProbeRows *p, double *of, Error *e) {
    int H = (int)s->m->config.heads, n = (int)s->m->config.layers * H;
    Probe probe = {.m = s->m, .rows = p->rows, .T = p->T};
    Figures f = {0};
    Tape *t = NULL;
    if (!probed_model_tape(s, p, true, false, &t, e)) return false;
    void *self = instrument_open(&gate, &probe);
    Observer eye = {gate.taps, self, gate.see, gate.weights};
    tape_observe(t, (Observers){&eye, 1});
    model_stream(s->m, t, &(Batch){p->rows, p->T, p->at.x, p->at.y, p->at.doc_start, 0});
    gate.close(self, &f);
    for (int i = 0; i < n; i++) of[i] = figures_get(&f, "gate", i / H, i % H);
    figures_free(&f);
    tape_free(t);
    return true;
}

/* order: heads by what `of` says of them, ascending; equal ones by their number. */
static void sort_heads(const double *of, int n, int *order) {
    for (int i = 0; i < n; i++) {
        int at = i;
        for (; at && of[order[at - 1]] > of[i]; at--) order[at] = order[at - 1];
        order[at] = i;
    }
}

static void remove_head(const Model *m, int head) {
    int H = (int)m->config.heads, dh = (int)config_head_dim(&m->config);
    const Tensor *o = model_tensor(m, head / H, STAGE_OUT, 0);
    for (int64_t r = 0; r < o->rows; r++)
        memset(m->params + o->offset + r * o->cols + head % H * dh, 0, (size_t)dh * sizeof(float));
}

bool prune_measure(ProbedModel *s, const ProbeRows *p, const int *order, int n, double *loss, Error *e) {
    float *trained = s->m->params, *copy = model_arena(s->m);
    Tape *t = NULL;
    double loss_1;
    bool ok = (copy || fail(e, EXIT_FAILED, "--prune: out of memory")) &&
              probed_model_tape(s, p, true, false, &t, e);
    if (ok) {
        memcpy(copy, trained, s->m->arena * sizeof *copy);
        s->m->params = copy;
        for (int i = 0; i <= n; i++) {
            if (i) remove_head(s->m, order[i - 1]);
            probed_model_losses(s, t, p, &loss[i], &loss_1);
        }
        s->m->params = trained;
    }
    tape_free(t);
    free(copy);
    return ok;
}

/* Place of point i among 0 .. n heads gone: all of them where they are few. */
static int heads_at(int i, int points, int n) {
    return (int)((int64_t)i * n / (points - 1));
}

static void show(ProbedModel *s, const ProbeRows *p, const double *sunk, const double *loss, int n) {
    static const char *const columns[] = {"sink heads first", "sink heads last", "random",
                                          "gate of the next"};
    int points = n < POINTS ? n + 1 : POINTS;
    Sheet sheet = sheet_make("prune", "loss with heads removed", points, 4);
    for (int j = 0; j < 4; j++) strcpy(sheet.col[j], columns[j]);
    for (int i = 0; i < points; i++) {
        int gone = heads_at(i, points, n);
        double random[ORDERS];
        for (int k = 0; k < ORDERS; k++) random[k] = loss[(2 + k) * (n + 1) + gone];
        snprintf(sheet.row[i].name, SHEET_NAME, "%d of %d heads", gone, n);
        for (int j = 0; j < 2; j++) *sheet_cell(&sheet, i, j) = loss[j * (n + 1) + gone];
        *sheet_cell(&sheet, i, 2) = mean_of(random, ORDERS);
        if (gone && gone < n) *sheet_error(&sheet, i, 2) = standard_error_of(random, ORDERS);
        if (gone < n) *sheet_cell(&sheet, i, 3) = sunk[gone];
    }
    probed_model_show(s, &sheet, p, p->rows);
}

bool prune_check(const ProbedModel *s, Error *e) {
    return probed_model_whole(s, "--prune", e);
}

bool prune_show(ProbedModel *s, Error *e) {
    const ProbeRows *p = s->no_bos ? &s->other : &s->main;
    int n = (int)(s->m->config.layers * s->m->config.heads);
    int *order = instrument_memory((size_t)n, sizeof *order);
    double *key = instrument_memory((size_t)n, sizeof *key),
           *sunk = instrument_memory((size_t)n, sizeof *sunk),
           *loss = instrument_memory((size_t)(2 + ORDERS) * (size_t)(n + 1), sizeof *loss);
    bool ok = gates_of(s, p, key, e);
    for (int k = 0; ok && k < 2 + ORDERS; k++) {
        for (int i = 0; i < n && k; i++)
            key[i] = k == 1
                         ? -key[i]
                         : rng_uniform(config_seed(&s->c, SEED_PROBE), RNG_SKETCH, (uint64_t)k, (uint64_t)i);
        sort_heads(key, n, order);
        for (int i = 0; i < n && !k; i++) sunk[i] = key[order[i]];
        ok = prune_measure(s, p, order, n, loss + k * (n + 1), e);
    }
    if (ok) show(s, p, sunk, loss, n);
    free(order);
    free(key);
    free(sunk);
    free(loss);
    return ok;
}
