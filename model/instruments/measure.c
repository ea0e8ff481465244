#include "model/instruments/means.h"
#include "model/tape.h"

#include <stdlib.h>
#include <string.h>

typedef struct Opened {
    Observer *observers;           /* the tape's own first: what these write is measured */
    const Instrument **instrument; /* of each observer, NULL for the tape's own */
    int n;
} Opened;

void *instrument_open(const Instrument *i, const Probe *p) {
    return i->means ? means_open(p, i->means) : i->open(p);
}

static bool applies(const Instrument *i, int set, bool backward) {
    return i->cost & set && (backward || !taps_backward(i->taps));
}

static Opened open_all(const Probe *p, int set, bool backward, Observers own) {
    int room = own.n;
    while (instruments[room - own.n]) room++;
    Opened o = {instrument_memory((size_t)room, sizeof *o.observers),
                instrument_memory((size_t)room, sizeof *o.instrument), own.n};
    for (int i = 0; i < own.n; i++) o.observers[i] = own.at[i];
    for (const Instrument *const *i = instruments; *i; i++) {
        void *self = applies(*i, set, backward) ? instrument_open(*i, p) : NULL;
        if (!self) continue;
        o.observers[o.n] = (Observer){(*i)->taps, self, (*i)->see, (*i)->weights};
        o.instrument[o.n++] = *i;
    }
    return o;
}

/* Whether an instrument reads what a routed block does not show. */
static bool looks_inside(const Instrument *i) {
    const uint32_t outside =
        1u << TAP_EMBED | 1u << TAP_RESID | 1u << TAP_FINAL | 1u << TAP_LOGITS | 1u << TAP_ROUTE;
    return i->weights || i->taps & ~outside;
}

/* Closes the instruments in the order of their table: a later one may read the figures that earlier ones
 * handed over. */
static void close_all(Opened *o, const ModelConfig *c, Figures *out) {
    for (int i = 0; i < o->n; i++) {
        int before = out->n;
        if (!o->instrument[i]) continue;
        o->instrument[i]->close(o->observers[i].self, out);
        if (looks_inside(o->instrument[i])) figures_drop_routed(out, before, c);
    }
    free(o->observers);
    free(o->instrument);
}

static bool any_backward(const Observers *o) {
    for (int i = 0; i < o->n; i++)
        if (taps_backward(o->at[i].taps)) return true;
    return false;
}

void instruments_measure(const Probe *p, Tape *t, const int32_t *x, const int32_t *y,
                         const int32_t *doc_start, int set, Figures *out, float *losses) {
    Probe probe = *p;
    probe.x = x;
    probe.y = y;
    Observers own = t->observers;
    int64_t scored = probe_scored(&probe);
    bool able = t->train && p->scratch && scored;
    Opened opened = open_all(&probe, set, able, own);
    Observers all = {opened.observers, opened.n};
    bool backward = able && any_backward(&all);
    void (*forward)(const Model *, Tape *, const Batch *) =
        losses || taps_want(&all, TAP_LOGITS) ? model_forward : model_stream;
    tape_observe(t, all);
    for (int row = 0; row < p->rows; row += t->rows) {
        int rows = p->rows - row < t->rows ? p->rows - row : t->rows;
        int64_t at = (int64_t)row * p->T;
        Batch b = {rows, p->T, x + at, y + at, doc_start + at, row};
        if (backward)
            model_slopes(p->m, t, &b, 1.0f / (float)scored, p->scratch);
        else
            forward(p->m, t, &b);
        if (losses) memcpy(losses + at, tape_losses(t), (size_t)rows * p->T * sizeof *losses);
    }
    tape_observe(t, own);
    close_all(&opened, &p->m->config, out);
}
