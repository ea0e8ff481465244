/* BOS removed (arXiv 2504.02732, Table 2): the row begins with its text's own first token. Which token that
 * is only the data knows, so that the caller draws other rows; a model is trained so by data.bos: none. */
#include "model/interventions/kinds.h"

const InterventionKind no_bos = {
    .name = "no_bos",
    .definition = "rows begin with the text's own first token instead of BOS (arXiv 2504.02732)",
};
