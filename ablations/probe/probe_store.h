/* Owns: probe --store: the figures of checkpoints into results.db, measured as training measures them: the
 * same rows, the same tape, the same bits. Does not own: what is measured (train/evaluate.h), the sheets (the
 * other files here). */
#ifndef SINKLAB_PROBE_STORE_H
#define SINKLAB_PROBE_STORE_H

#include "ablations/probe/probed_model.h"

/* What can be refused before anything is measured: rows that are not the run's, text that is not, a CPU that
 * is not. */
bool probe_store_check(const ProbedModel *s, const FoundModel *f, Error *e);

/* After each of f's steps (of its one checkpoint where it has no folder) the model as it is, then under --do,
 * where something is to be done. */
bool probe_store(ProbedModel *s, const FoundModel *f, Error *e);

#endif
