/* Owns: the names of the instruments, for the table (instrument_table.c).
 * Does not own: where their figures are kept (train/schema.sql).
 *
 * To add one: a file that defines it, a line here, a line there, a test of its planted cases; one that reads
 * gradients says so by its taps and needs no more (model/README.md has one as an example). A line of
 * ablations/probe/chain.c shows it in `sinklab probe`. In results.db the figures of a light or heavy one are
 * rows of `metric`. For a column of eval, eval_layer or eval_head instead: the column, last, above PRIMARY
 * KEY, with its comment in train/schema.sql; an ALTER TABLE ... ADD COLUMN ... in migrations[] of
 * train/store/store.c; versions as model/README.md says of a view. tests/train/store_test tells the hash;
 * store_views_test, run_test and tests/ablations/probe_test meet the column. A figure that gets another
 * definition under its name: a row of the view figure_now. */
#ifndef SINKLAB_INSTRUMENT_TABLE_H
#define SINKLAB_INSTRUMENT_TABLE_H

#include "model/instruments/instrument.h"

extern const Instrument sink_mass, uniform_mass, mixing, value_drain, dormant, local_mass, positive_scores,
    norm_ratio, massive_activation, spectrum, dominance, kurtosis, rank_collapse, super_neurons, out_variance,
    logit_lens, phases, embedding_probe, gradient_sink, normed_dominance, alignment, head_size, logits, gate,
    mass_histogram, sink_logit, sink_kind, prefix_matching, write_sizes, residual_sink, class_mass, routing;

#endif
