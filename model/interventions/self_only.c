/* One position may attend only to itself (arXiv 2605.06611): its output is one value, unaveraged, as that of
 * position 0 is. The paper finds that the position becomes a sink. */
#include "model/interventions/kinds.h"

static Blind blind(const Intervention *i) {
    return (Blind){.query = (int)i->arg[ARG_POS], .key = -1};
}

const InterventionKind self_only = {
    .name = "self_only",
    .definition = "position `pos` attends only to itself (arXiv 2605.06611)",
    .must = POS,
    .may = LAYER,
    .order = {ARG_POS, ARG_LAYER},
    .blind = blind,
};
