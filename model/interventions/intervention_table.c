#include "model/interventions/kinds.h"

#include <stddef.h>

const InterventionKind *const interventions[] = {
    &no_bos, &replace_first, &drop_mlp, &self_only, &amplify, &scale, &zero_column, &head_off, NULL,
};
