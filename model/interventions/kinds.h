/* Owns: the names of the interventions, for the table (table.c). To add one: a file that defines it, a line
 * here, a line there, a test against a change made by hand. */
#ifndef SINKLAB_INTERVENTION_KINDS_H
#define SINKLAB_INTERVENTION_KINDS_H

#include "model/interventions/intervention.h"

extern const InterventionKind no_bos, replace_first, drop_mlp, self_only, amplify, scale, zero_column,
    head_off;

enum {
    LAYER = 1 << ARG_LAYER,
    HEAD = 1 << ARG_HEAD,
    POS = 1 << ARG_POS,
    TOKEN = 1 << ARG_TOKEN,
    LAMBDA = 1 << ARG_LAMBDA,
    MU = 1 << ARG_MU
};

/* The vector of a row's token at a position; NULL past the end of the row. */
static inline float *vector_at(const View *v, int row, int pos) {
    return pos < v->T ? v->data + ((int64_t)row * v->T + pos) * v->ld : NULL;
}

#endif
