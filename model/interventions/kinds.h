/* Owns: what the interventions' files share.
 * Does not own: how their texts are read (read.c).
 *
 * To add one: its definition in kinds.c, or in a file with a line here where it is more than a few lines; its
 * name in the table of kinds.c, which messages and `sinklab probe --help` are made from; a test against a
 * change made by hand. If none of Arg will do for what it is told: a row of Arg (intervention.h), its bit
 * (here), its name and bounds (read.c). If it writes at a tap other than TAP_ATTN_OUT and TAP_MLP_OUT,
 * gradients must be led back through the change there (tap_back in model/block.c and attend.c). */
#ifndef SINKLAB_INTERVENTION_KINDS_H
#define SINKLAB_INTERVENTION_KINDS_H

#include "model/interventions/intervention.h"

extern const InterventionKind amplify;

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
