/* Owns: what the interventions' files share.
 * Does not own: how their texts are read (read.c).
 *
 * To add one: its definition in kinds.c, or in a file with a line here where it is more than a few lines; its
 * name in the table of kinds.c, which messages and `sinklab probe --help` are made from; a test against a
 * change made by hand. If none of Arg will do for what it is told: a row of Arg (intervention.h), its bit
 * (here), its name and bounds (read.c). If it writes at a tap other than TAP_VALUE, TAP_ATTN_OUT,
 * TAP_MLP_HIDDEN, TAP_MLP_OUT and TAP_RESID, gradients must be led back through the change there (tap_back in
 * model/block.c and attend.c). What it takes out of a linear layer: model/dropped.c. */
#ifndef SINKLAB_INTERVENTION_KINDS_H
#define SINKLAB_INTERVENTION_KINDS_H

#include "model/interventions/intervention.h"

extern const InterventionKind amplify;
extern const InterventionKind unit_off, channel_off, weight_off, value_zero, logit_bias, bias_off; /* off.c */

enum {
    LAYER = 1 << ARG_LAYER,
    HEAD = 1 << ARG_HEAD,
    POS = 1 << ARG_POS,
    TOKEN = 1 << ARG_TOKEN,
    UNIT = 1 << ARG_UNIT,
    CHANNEL = 1 << ARG_CHANNEL,
    ROW = 1 << ARG_ROW,
    COL = 1 << ARG_COL,
    LAMBDA = 1 << ARG_LAMBDA,
    B = 1 << ARG_B,
    MU = 1 << ARG_MU,
    TO = 1 << ARG_TO,
    OF = 1 << ARG_OF
};

/* The vector of a row's token at a position; NULL past the end of the row. */
static inline float *vector_at(const View *v, int row, int pos) {
    return pos < v->T ? v->data + ((int64_t)row * v->T + pos) * v->ld : NULL;
}

#endif
