/* Another token at position 0 of every row (arXiv 2504.02732): is it the place that makes the sink, or the
 * token that stands there? Targets stay as they are. */
#include "model/interventions/kinds.h"

static void tokens(const Intervention *i, int32_t *x, int rows, int T) {
    for (int row = 0; row < rows; row++) x[(int64_t)row * T] = (int32_t)i->arg[ARG_TOKEN];
}

const InterventionKind replace_first = {
    .name = "replace_first",
    .definition = "token `token` (its number) at position 0 of every row (arXiv 2504.02732)",
    .must = TOKEN,
    .order = {ARG_TOKEN},
    .tokens = tokens,
};
