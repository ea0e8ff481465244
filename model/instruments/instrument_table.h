/* Owns: the names of the instruments, for the table (instrument_table.c).
 * Does not own: where their figures are kept (train/schema.sql).
 *
 * To add one: a file that defines it, a line here, a line there, a test of its planted cases. A line of
 * ablations/probe/chain.c shows it in `sinklab probe`. In results.db the figures of a light or heavy one are
 * rows of `metric`. For a column of eval, eval_layer or eval_head instead, by their chunk:
 *   train/schema.sql  the column with its comment; its part of the view `digest`; of eval, if a sweep may
 *                     expect something of it, a line of the view `sweep_metrics` and its name in
 *                     ablations/sweep/sweep_metrics.c; user_version, one more (tests/train/store_test.c knows it)
 *   train/store/store.h     STORE_VERSION, the same
 *   train/store/store.c     migrations[]: ALTER TABLE ... ADD COLUMN ..., for databases that are there (views are
 *                     made anew in any case) */
#ifndef SINKLAB_INSTRUMENT_TABLE_H
#define SINKLAB_INSTRUMENT_TABLE_H

#include "model/instruments/instrument.h"

extern const Instrument sink_mass, uniform_mass, mixing, value_drain, dormant, local_mass, positive_scores,
    norm_ratio, massive_activation, spectrum, dominance, kurtosis, rank_collapse, super_neurons, out_variance,
    logit_lens, phases, embedding_probe;

#endif
