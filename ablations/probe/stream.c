/* Streaming (arXiv 2309.17453): held-out text four times as long as the context, its queries seeing only
 * their last w = context keys, or the first k = 1, 4 keys of the text and the last w - k. The keys are those
 * that a cache would hold: made when their tokens were read. Positions are those of the text, so that a kept
 * key lies farther back than in training (the paper renumbers the cache instead). */
#include "ablations/probe/modes.h"

#include "model/instruments/cells.h"
#include "model/slots.h"

#include <math.h>
#include <string.h>

enum { LONGER = 4, STRETCHES = STREAM_STRETCHES };

/* Mean loss by stretch of positions; the last: all beyond the context. */
static void by_stretch(const ProbeRows *p, int context, double *loss) {
    double sum[STRETCHES + 1] = {0};
    int64_t n[STRETCHES + 1] = {0};
    for (int64_t i = 0; i < (int64_t)p->rows * p->T; i++) {
        int t = (int)(i % p->T), to[] = {t * STRETCHES / p->T, STRETCHES};
        for (int k = 0; k < 1 + (t >= context) && p->at.y[i] >= 0; k++) {
            sum[to[k]] += p->losses[i];
            n[to[k]]++;
        }
    }
    for (int i = 0; i <= STRETCHES; i++) loss[i] = n[i] ? sum[i] / (double)n[i] : NAN;
}

static void name_rows(Sheet *sheet, int T) {
    for (int i = 0; i < STRETCHES; i++)
        snprintf(sheet->row[i].name, SHEET_NAME, "from position %d", (i * T + STRETCHES - 1) / STRETCHES);
    strcpy(sheet->row[STRETCHES].name, "beyond the context");
}

bool stream_measure(ProbedModel *s, const ProbeRows *p, int keep, double loss[STREAM_STRETCHES + 1],
                    Error *e) {
    ModelConfig *c = &s->m->config, trained = *c;
    double all, all_1;
    Tape *t = NULL;
    c->window = keep < 0 ? 0 : c->context - keep;
    c->window_keep = keep < 0 ? 0 : keep;
    bool ok = probed_model_tape(s, p, true, false, &t, e);
    if (ok) probed_model_losses(s, t, p, &all, &all_1);
    *c = trained;
    tape_free(t);
    if (ok) by_stretch(p, (int)trained.context, loss);
    return ok;
}

static bool measure(ProbedModel *s, const ProbeRows *p, Sheet *sheet, Error *e) {
    static const int keep[] = {-1, 0, 1, 4};
    double loss[STRETCHES + 1];
    for (int j = 0; j < sheet->cols; j++) {
        if (!stream_measure(s, p, keep[j], loss, e)) return false;
        for (int i = 0; i <= STRETCHES; i++) *sheet_cell(sheet, i, j) = loss[i];
    }
    return true;
}

bool stream_check(const ProbedModel *s, Error *e) {
    if (!s->data) return fail(e, EXIT_USAGE, "--stream: there is no held-out text of this model's tokens");
    const ModelConfig *c = &s->m->config;
    if (!probed_model_whole(s, "--stream", e)) return false;
    if (c->context <= 4)
        return fail(e, EXIT_USAGE, "--stream: a context of %lld has no room for kept keys",
                    (long long)c->context);
    if (position_slots[c->position].head.tensors[0].name)
        return fail(e, EXIT_USAGE, "--stream: model.position %s has no vectors beyond the context",
                    slot_row(SLOT_POSITION, c->position)->name);
    return true;
}

bool stream_show(ProbedModel *s, Error *e) {
    static const char *const columns[] = {"all keys", "window", "first 1 + window", "first 4 + window"};
    int64_t T = LONGER * s->m->config.context;
    ProbeRows p = {0};
    Sheet sheet = sheet_make("stream", "loss by position under a sliding window of keys", STRETCHES + 1, 4);
    for (int j = 0; j < 4; j++) strcpy(sheet.col[j], columns[j]);
    name_rows(&sheet, (int)T);
    bool bos = s->c.data.bos == BOS_ROW && !s->no_bos;
    bool ok = probe_rows_draw(&p, CONTEXT, s->data, config_seed(&s->c, SEED_PROBE), s->c.probe.sequences, T,
                              bos, e);
    if (ok) rows_hide_targets(&p.at, p.rows, p.T, s->m->config.prefix);
    ok = ok && measure(s, &p, &sheet, e);
    if (ok)
        probed_model_show(s, &sheet, &p, p.rows);
    else
        sheet_free(&sheet);
    probe_rows_free(&p);
    return ok;
}
