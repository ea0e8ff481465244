/* Owns: learning-rate schedules: a pure function of the step.
 * Does not own: the schedule of the context (train/context_schedule.h), how a rate is used
 * (train/optim/optim.h). */
#ifndef SINKLAB_SCHEDULE_H
#define SINKLAB_SCHEDULE_H

#include "train/config/config.h"

const char *schedule_name(int i); /* row of the table; NULL past the end */

/* The learning rate of update `step` (1 .. steps): a linear warm-up over optim.warmup updates,
 * then the schedule's shape from lr down to min_lr at the last one. */
double schedule_lr(const OptimConfig *c, int64_t step, int64_t steps);

/* The last update whose rate a longer run has, too, where the shape goes on as it is up to its end or its
 * decay (constant, wsd); 0: no such shape. */
int64_t schedule_branch(const OptimConfig *c, int64_t steps);

#endif
