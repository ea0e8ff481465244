/* Owns: which checkpoints of a run or folder --steps names, and one table of the model after each of them.
 * Does not own: the checkpoints (train/checkpoint/find_model.h), results.db (ablations/probe/probe_store.h).
 */
#ifndef SINKLAB_STEPS_H
#define SINKLAB_STEPS_H

#include "ablations/probe/probed_model.h"
#include "train/checkpoint/find_model.h"

/* Leaves those in f that `text` names: all; log (for each 2^(k/2) the first that is not before it, and the
 * last); or a list, "100,200", all of which must be there. */
bool steps_choose(FoundModel *f, const char *text, Error *e);

/* The whole model's figures by step, without --do and under it. s: of any of the checkpoints. */
bool steps_show(ProbedModel *s, const FoundModel *f, Error *e);

#endif
