/* Owns: how far a sweep is that tunes before it judges, and how many of its runs are needed for that.
 * Does not own: which runs start (ablations/sweep/runner.h), the choice itself (the view sweep_choice). */
#ifndef SINKLAB_TUNING_PROGRESS_H
#define SINKLAB_TUNING_PROGRESS_H

#include "ablations/sweep/sweep.h"
#include "train/store/store.h"

/* Runs that tune, and runs that judge at the cells chosen (one cell a side and stratum); of each, those that are
 * over: done or diverged. The rest of the file is tuned away. */
typedef struct Stage {
    int tuning, tuned, judging, judged;
} Stage;

/* From the file, and from the database where it has this text of it (NULL: it has not). */
bool stage_read(Stage *out, const Sweep *s, Store *store, Error *e);

/* One line for people, without its newline. */
enum { STAGE_TEXT = 160 };
void stage_tell(const Stage *stage, char text[STAGE_TEXT]);

#endif
