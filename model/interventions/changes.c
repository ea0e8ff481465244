/* Owns: the interventions of a model as its pass meets them, in the order of the list. */
#include "model/interventions/intervention.h"

#include <string.h>

static bool of_layer(const Intervention *i, int layer) {
    return i->arg[ARG_LAYER] < 0 || (int)i->arg[ARG_LAYER] == layer;
}

static bool is_at(const Intervention *i, TapPoint tap, int layer) {
    return i->kind->write && i->kind->tap == tap && of_layer(i, layer);
}

bool intervention_of_rows(const Intervention *i) {
    const InterventionKind *k = i->kind;
    return !k->write && !k->tokens && !k->score_bias && !k->entry && !k->biases;
}

bool intervention_of_batch(const Intervention *i) {
    return (i->kind->may >> ARG_MU & 1 && i->arg[ARG_MU] != MU_POSITIONS) ||
           (i->kind->may >> ARG_TO & 1 && i->arg[ARG_TO] == TO_MEAN);
}

bool changes_read(const ModelConfig *c, int T, Changes *out, Error *e) {
    *out = (Changes){.n = c->interventions.n};
    if (out->n && config_routes(c))
        return fail(e, EXIT_USAGE,
                    "model.depth_capacity: %g: routed blocks have other tokens at the positions of %s",
                    c->depth_capacity, c->interventions.item[0]);
    for (int i = 0; i < out->n; i++) {
        Intervention *it = &out->at[i];
        if (!intervention_read(c->interventions.item[i], "model.interventions", c, T, it, e)) return false;
        if (intervention_of_rows(it))
            return fail(e, EXIT_USAGE,
                        "model.interventions: %s: what a row begins with is the data's (data.bos: none)",
                        it->kind->name);
    }
    return true;
}

bool changes_at(const Changes *c, TapPoint tap, int layer) {
    for (int i = 0; i < c->n; i++)
        if (is_at(&c->at[i], tap, layer)) return true;
    return false;
}

void changes_write(const Changes *c, const View *v) {
    for (int i = 0; i < c->n; i++)
        if (is_at(&c->at[i], v->at, v->layer)) c->at[i].kind->write(&c->at[i], v);
}

void changes_back(const Changes *c, const View *v) {
    for (int i = c->n; i-- > 0;)
        if (is_at(&c->at[i], v->at, v->layer)) c->at[i].kind->back(&c->at[i], v);
}

bool changes_rewrite(const Changes *c) {
    for (int i = 0; i < c->n; i++)
        if (c->at[i].kind->tokens) return true;
    return false;
}

void changes_tokens(const Changes *c, int32_t *x, int rows, int T) {
    for (int i = 0; i < c->n; i++)
        if (c->at[i].kind->tokens) c->at[i].kind->tokens(&c->at[i], x, rows, T);
}

ScoreBiases changes_score_biases(const Changes *c, int layer) {
    ScoreBiases b = {0};
    for (int i = 0; i < c->n; i++)
        if (c->at[i].kind->score_bias && of_layer(&c->at[i], layer))
            b.at[b.n++] = c->at[i].kind->score_bias(&c->at[i]);
    return b;
}

static bool has_entry(const Entries *e, Entry x) {
    for (int i = 0; i < e->n; i++)
        if (e->at[i].row == x.row && e->at[i].col == x.col) return true;
    return false;
}

Entries changes_entries(const Changes *c, int layer) {
    Entries e = {0};
    for (int i = 0; i < c->n; i++) {
        if (!c->at[i].kind->entry || !of_layer(&c->at[i], layer)) continue;
        Entry x = c->at[i].kind->entry(&c->at[i]);
        if (!has_entry(&e, x)) e.at[e.n++] = x; /* taken out once */
    }
    return e;
}

uint32_t changes_biases(const Changes *c, int layer) {
    uint32_t off = 0;
    for (int i = 0; i < c->n; i++)
        if (c->at[i].kind->biases && of_layer(&c->at[i], layer)) off |= c->at[i].kind->biases(&c->at[i]);
    return off;
}
