/* Owns: train.context_schedule: which context is in force at a step. Rows grow, tokens a step do not, so
 * that each step sees the same text whatever its context. Does not own: the memory of a pass. */
#ifndef SINKLAB_CONTEXTS_H
#define SINKLAB_CONTEXTS_H

#include "train/config.h"

/* Whether its stages can be: "STEP:CONTEXT" from step 0 on, ascending in both, contexts that divide
 * batch_tokens and DATA_BLOCK, the last one model.context. */
bool contexts_check(const Config *c, Error *e);
int contexts_count(const Config *c); /* stages; 1 without a schedule */
/* The context of update `step` (from 1): of the last stage that begins after fewer updates. */
int contexts_at(const Config *c, int64_t step);

#endif
