/* Owns: the names of the instruments, for the table (table.c). To add one: a file that defines it,
 * a line here, a line there, a test of its planted cases. */
#ifndef SINKLAB_INSTRUMENT_TABLE_H
#define SINKLAB_INSTRUMENT_TABLE_H

#include "model/instruments/instrument.h"

extern const Instrument sink_mass, uniform_mass, mixing, value_drain, dormant, local_mass, positive_scores,
    norm_ratio, massive_activation, spectrum, dominance, kurtosis, rank_collapse, super_neurons, out_variance,
    logit_lens, phases, embedding_probe;

#endif
