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

#endif
