/* Owns: train.context_schedule: which context is in force at a step. Rows grow, tokens a step do not, so
 * that each step sees the same text whatever its context. Does not own: the memory of a pass. */
#ifndef SINKLAB_CONTEXT_SCHEDULE_H
#define SINKLAB_CONTEXT_SCHEDULE_H

#include "train/config/config.h"

int contexts_count(const Config *c); /* stages; 1 without a schedule */
/* The context of update `step` (from 1): of the last stage that begins after fewer updates. */
int contexts_at(const Config *c, int64_t step);

/* Faults of a schedule, for the table in train/config/conflicts.c, in the order of that table. */
bool contexts_unread(const Config *c); /* not "STEP:CONTEXT, ..." */
bool contexts_late(const Config *c);   /* does not begin at step 0 */
bool contexts_fall(const Config *c);   /* not ascending in both */
bool contexts_past(const Config *c);   /* a stage that no step is of */
bool contexts_end(const Config *c);    /* not at model.context */
bool contexts_split(const Config *c);  /* a context that does not divide batch_tokens */
bool contexts_cut(const Config *c);    /* one that does not divide DATA_BLOCK */

#endif
