/* The control of `amplify` (arXiv 2605.06611): o'_pos = lambda o_pos, which moves the size of the aggregated
 * values but not their spread against it. */
#include "model/interventions/kinds.h"

static void multiply(const Intervention *i, const View *v) {
    float lambda = (float)i->arg[ARG_LAMBDA];
    for (int row = 0; row < v->rows; row++) {
        float *o = vector_at(v, row, (int)i->arg[ARG_POS]);
        for (int c = 0; o && c < v->width; c++) o[c] *= lambda;
    }
}

const InterventionKind scale = {
    .name = "scale",
    .definition = "o'_pos = lambda o_pos, the control of amplify (arXiv 2605.06611)",
    .must = POS | LAMBDA,
    .may = LAYER,
    .order = {ARG_POS, ARG_LAMBDA, ARG_LAYER},
    .tap = TAP_ATTN_OUT,
    .write = multiply,
    .back = multiply,
};
