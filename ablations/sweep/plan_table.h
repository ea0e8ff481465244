/* Owns: how a plan is told: its runs, what they cost, what an edit of the file left, as text or JSON.
 * Does not own: what is planned (ablations/sweep/plan.h), how far it is (ablations/sweep/tuning_progress.h).
 */
#ifndef SINKLAB_PLAN_TABLE_H
#define SINKLAB_PLAN_TABLE_H

#include "ablations/sweep/plan.h"
#include "ablations/sweep/tuning_progress.h"

#include <stdio.h>

/* flops: FLOP/s measured here; 0: not measured, no time to go. */
void plan_print(FILE *out, const Plan *p, const Stage *stage, double flops);
/* Prints the plan as one JSON object: the sweep, its runs, its orphans, its totals. Sizes in bytes, times in
 * hours. */
void plan_print_json(FILE *out, const Plan *p, const Stage *stage, double flops);

/* After an edit, by key and label: the runs that still match, and those that are no longer part of the sweep,
 * which stay told of afterwards. Nothing where there is nothing of the kind. */
void plan_print_edit(FILE *out, const Plan *p);

#endif
