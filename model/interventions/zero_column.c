/* A column of the attention matrix zeroed: no query sees key `pos`, but for row 0, which has no other. Kinds
 * that normalise share its weight out among the keys that are left (their null key among them), others do
 * not; a query left without a key has o = 0. */
#include "model/interventions/kinds.h"

static Blind blind(const Intervention *i) {
    return (Blind){.query = -1, .key = (int)i->arg[ARG_POS]};
}

const InterventionKind zero_column = {
    .name = "zero_column",
    .definition = "no query sees key `pos` (row 0 sees itself)",
    .needs = POS,
    .takes = LAYER,
    .order = {ARG_POS, ARG_LAYER},
    .blind = blind,
};
