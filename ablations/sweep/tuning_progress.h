/* Owns: how far a sweep is that tunes before it judges, and how many of its runs are needed for that.
 * Does not own: which runs start (ablations/sweep/runner.h), the choice itself (the view sweep_choice). */
#ifndef SINKLAB_TUNING_PROGRESS_H
#define SINKLAB_TUNING_PROGRESS_H

#include "ablations/sweep/sweep.h"
#include "train/store/store.h"

/* Runs that tune, and runs that judge at the cells chosen (one cell a side and stratum); of each, those that
 * are over: done or diverged. The rest of the file is tuned away. */
typedef struct Stage {
    int tuning, tuned, judging, judged;
} Stage;

/* Reads the progress from the sweep's file and, where the database has the same text (NULL: it has not), from
 * there. */
bool stage_read(Stage *out, const Sweep *s, Store *store, Error *e);

/* One line for people, without its newline. */
enum { STAGE_TEXT = 160 };
void stage_tell(const Stage *stage, char text[STAGE_TEXT]);

#endif
