/* A head switched off: its aggregated values are zero, so that W_O reads nothing of it. */
#include "model/interventions/kinds.h"

#include <string.h>

static void silence(const Intervention *i, const View *v) {
    int dh = v->heads->dh, head = (int)i->arg[ARG_HEAD];
    for (int64_t n = 0; n < v->tokens; n++)
        memset(v->data + n * v->ld + (int64_t)head * dh, 0, (size_t)dh * sizeof(float));
}

const InterventionKind head_off = {
    .name = "head_off",
    .definition = "the head's aggregated values are zero",
    .must = HEAD,
    .may = LAYER,
    .order = {ARG_LAYER, ARG_HEAD},
    .tap = TAP_ATTN_OUT,
    .write = silence,
    .back = silence,
};
