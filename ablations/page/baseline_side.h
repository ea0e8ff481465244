/* Owns: whether a side of a sweep is its baseline, as the sweep's own file says under compare: of a sweep
 * that expects nothing no table does. Does not own: the grammar of sweep files (ablations/sweep/sweep.h),
 * what is held against the baseline. */
#ifndef SINKLAB_BASELINE_SIDE_H
#define SINKLAB_BASELINE_SIDE_H

#include <stdbool.h>

/* file: text of the sweep's file; side: as in sweep_cell. False, too, where the file cannot be read. */
bool baseline_side(const char *file, const char *side);

#endif
