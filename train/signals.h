/* Owns: the wish to stop, as SIGINT, SIGTERM or SIGHUP brings it, to one run; which signals are such a wish.
 * Does not own: what is done then (train/run.c), a sweep's own wish (ablations/sweep/runner.c). */
#ifndef SINKLAB_SIGNALS_H
#define SINKLAB_SIGNALS_H

#include <stdbool.h>

enum { SIGNALS_TO_STOP = 3 };
extern const int signals_to_stop[SIGNALS_TO_STOP];
bool signals_ignored(int signal); /* whoever started the program wants it ignored, and so it stays */

void signals_watch(void);  /* from now on these signals set a flag instead of ending the process */
int signals_stopped(void); /* the signal that came, or 0 */

/* From now on a reader that went away (SIGPIPE) and a file at its limit (SIGXFSZ) are errors of the write
 * that meets them, here and in processes that are started. */
void signals_as_errors(void);

#endif
