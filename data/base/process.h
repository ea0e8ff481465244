/* Owns: running another program to its end, without a shell.
 * Does not own: what its output means. */
#ifndef SINKLAB_PROCESS_H
#define SINKLAB_PROCESS_H

#include "data/base/error.h"

#include <sys/types.h>

/* Runs argv (NULL-terminated; argv[0] is looked up in PATH) inside `folder` with no input and
 * both outputs in the file `log` of that folder. True when it ended with status 0. An error is
 * one line: the program is missing (naming the Debian `package` that has it), or the line of
 * its log that says why it failed (the last one that speaks of an error, else the last). */
bool process_run(const char *const argv[], const char *folder, const char *log, const char *package,
                 Error *e);

/* The same in two halves, for several at once. Whatever was started is ended; the strings stay till then. */
typedef struct Process {
    pid_t pid; /* 0: none */
    const char *program, *folder, *log;
} Process;
bool process_start(Process *p, const char *const argv[], const char *folder, const char *log,
                   const char *package, Error *e);
bool process_end(Process *p, Error *e);

#endif
