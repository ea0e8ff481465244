#include "model/instruments/instrument_table.h"

#include <stddef.h>

const Instrument *const instruments[] = {
    /* forward */
    &sink_mass,
    &uniform_mass,
    &mixing,
    &value_drain,
    &dormant,
    &class_mass,
    &local_mass,
    &positive_scores,
    &alignment,
    &head_size,
    &logits,
    &gate,
    &mass_histogram,
    &sink_logit,
    &sink_kind,
    &prefix_matching,
    &write_sizes,
    &residual_sink,
    &norm_ratio,
    &massive_activation,
    &spectrum,
    &dominance,
    &normed_dominance,
    &kurtosis,
    &rank_collapse,
    &super_neurons,
    &out_variance,
    &logit_lens,
    &phases,
    &embedding_probe,
    &routing,
    /* and back */
    &gradient_sink,
    NULL,
};
