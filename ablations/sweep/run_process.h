/* Owns: one run as a process of its own: `sinklab train` started on its cores, told to stop.
 * Does not own: which run, and what its end means (ablations/sweep/runner.c). */
#ifndef SINKLAB_RUN_PROCESS_H
#define SINKLAB_RUN_PROCESS_H

#include "data/base/error.h"

#include <sys/types.h>

typedef struct RunCommand {
    const char *config, *db, *cache;
    const char *name; /* what progress calls it; NULL: by variant and seed */
    bool retry, quiet;
    const char *log;       /* both outputs go there; NULL: where this process's go */
    int first_core, cores; /* of those that this process may use; cores 0: all, unpinned */
} RunCommand;

/* A process group of its own, so that Ctrl-C reaches it once, through its parent; it is told to stop
 * (SIGTERM) when the parent dies. Signals that the caller has blocked are let through in it. */
bool run_command_start(const RunCommand *spec, pid_t *pid, Error *e);

#endif
