/* A column of the attention matrix zeroed: no query sees key `pos`, but for row 0, which has no other. Kinds
 * whose rows sum to one, with a null key where they have one, share its weight out among the keys that are
 * left (the null key among them). Others keep the rest of the row as it is, also where a softmax stands
 * behind it (softpick, clipped, differential). A query left without a key has o = 0. */
#include "model/interventions/kinds.h"

static Blind blind(const Intervention *i) {
    return (Blind){.query = -1, .key = (int)i->arg[ARG_POS]};
}

const InterventionKind zero_column = {
    .name = "zero_column",
    .definition = "no query sees key `pos` (row 0 sees itself)",
    .must = POS,
    .may = LAYER,
    .order = {ARG_POS, ARG_LAYER},
    .blind = blind,
};
