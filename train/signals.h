/* Owns: the wish to stop, as SIGINT or SIGTERM brings it, to one run.
 * Does not own: what is done then (train/run.c), a sweep's own wish (ablations/sweep/runner.c). */
#ifndef SINKLAB_SIGNALS_H
#define SINKLAB_SIGNALS_H

void signals_watch(void);  /* from now on the two signals set a flag instead of ending the process */
int signals_stopped(void); /* the signal that came, or 0 */

#endif
