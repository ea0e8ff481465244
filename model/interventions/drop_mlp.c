/* The MLP's contribution to one position dropped (arXiv 2510.06477, at the layer where the massive activation
 * appears): x'_pos = x_pos + attention, as if the MLP were not there for it. */
#include "model/interventions/kinds.h"

#include <string.h>

static void drop(const Intervention *i, const View *v) {
    for (int row = 0; row < v->rows; row++) {
        float *x = vector_at(v, row, (int)i->arg[ARG_POS]);
        if (x) memset(x, 0, (size_t)v->width * sizeof *x);
    }
}

const InterventionKind drop_mlp = {
    .name = "drop_mlp",
    .definition = "the MLP adds nothing to position `pos` (arXiv 2510.06477)",
    .must = POS,
    .may = LAYER,
    .order = {ARG_LAYER, ARG_POS},
    .tap = TAP_MLP_OUT,
    .write = drop,
    .back = drop,
};
