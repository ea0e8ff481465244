#include "train/evaluate_under.h"

#include "model/interventions/intervention.h"
#include "train/step.h"

#include <string.h>

static bool read_text(const Config *c, const ModelConfig *shape, int i, Intervention *out, Error *e) {
    int64_t T = c->probe.length < shape->context ? c->probe.length : shape->context;
    return intervention_read(c->probe.under.item[i], "probe.do", shape, (int)T, out, e);
}

/* What averages over the rows of a pass meets all rows of a probe in one. */
static int rows_of(const Config *c, const Intervention *i) {
    return intervention_of_batch(i) ? (int)c->probe.sequences
                                    : trainer_rows_in_flight(c, (int)c->model.context);
}

/* ---- before the run ---- */

static bool is_named_before(const Config *c, const ModelConfig *shape, int i, const char *text) {
    for (int k = 0; k < i; k++) {
        Intervention at;
        Error ignored = {0};
        char other[INTERVENTION_TEXT];
        if (!read_text(c, shape, k, &at, &ignored)) continue;
        intervention_text(&at, other);
        if (!strcmp(text, other)) return true;
    }
    return false;
}

static bool check(const Config *c, const ModelConfig *shape, int i, Error *e) {
    Intervention at;
    char text[INTERVENTION_TEXT];
    if (!read_text(c, shape, i, &at, e)) return false;
    intervention_text(&at, text);
    if (is_named_before(c, shape, i, text))
        return fail(e, EXIT_USAGE, "probe.do: %s stands there twice", text);
    if (intervention_of_rows(&at))
        return c->data.bos == BOS_ROW ||
               fail(e, EXIT_USAGE, "probe.do: %s: rows do not begin with BOS (data.bos: row)", text);
    if (config_routes(shape))
        return fail(e, EXIT_USAGE,
                    "probe.do: %s: routed blocks of model.depth_capacity: %g have other tokens there", text,
                    shape->depth_capacity);
    if (shape->interventions.n == LIST_ITEMS)
        return fail(e, EXIT_USAGE, "probe.do: %s: there are %d model.interventions already", text,
                    LIST_ITEMS);
    return !intervention_of_batch(&at) || c->probe.sequences > 1 ||
           fail(e, EXIT_USAGE, "probe.do: %s is over a mean of rows, and there is one (probe.sequences)",
                text);
}

bool evaluate_under_check(const Config *c, const ModelConfig *shape, Error *e) {
    for (int i = 0; i < c->probe.under.n; i++)
        if (!check(c, shape, i, e)) return false;
    return true;
}

double evaluate_under_bytes(const Config *c, const Model *m) {
    double most = 0;
    for (int i = 0; i < c->probe.under.n; i++) {
        Intervention at;
        Error ignored = {0};
        if (!read_text(c, &m->config, i, &at, &ignored)) continue;
        Model under = *m;
        if (!intervention_of_rows(&at)) under.config.interventions.n++;
        double bytes = trainer_tape_bytes(c, &under, rows_of(c, &at), (int)c->model.context);
        if (bytes > most) most = bytes;
    }
    return most;
}

/* ---- while it trains ---- */

static bool tape_under(Tape **t, const Config *c, Model *m, int i, const Intervention *at, Error *e) {
    List more = {0};
    if (!intervention_of_rows(at)) strcpy(more.item[more.n++], c->probe.under.item[i]);
    return trainer_tape_under(t, c, m, &more, rows_of(c, at), (int)c->model.context, e);
}

bool evaluate_under(Evaluator *v, const Config *c, Model *m, Store *s, int64_t run, int64_t step, int set,
                    Error *e) {
    bool ok = true;
    double rate;
    for (int i = 0; ok && i < c->probe.under.n; i++) {
        Intervention at;
        Tape *t = NULL;
        char text[INTERVENTION_TEXT];
        if (!read_text(c, &m->config, i, &at, e) || !tape_under(&t, c, m, i, &at, e)) return false;
        intervention_text(&at, text);
        evaluator_under(v, text, intervention_of_rows(&at));
        tape_pack(t, m, NULL);
        ok = evaluate(v, t, s, run, step, set, &rate, e);
        evaluator_under(v, NULL, false);
        tape_free(t);
    }
    return ok;
}
