/* Owns: how a failure travels. Every function that can fail takes an Error and
 * returns false after filling it; main prints the one line and exits with its code.
 * Does not own: printing, exiting, but for want of memory. */
#ifndef SINKLAB_ERROR_H
#define SINKLAB_ERROR_H

#include <stdbool.h>

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* the run failed or diverged, the machine refused */
    EXIT_USAGE = 2,  /* the user's mistake: a key, a file, a value */
    EXIT_SIGINT = 130,
    EXIT_SIGTERM = 143,
};

typedef struct Error {
    int code;        /* one of the above; 0 while nothing failed */
    char text[1024]; /* "what: where: why (hint)", no newline */
} Error;

/* EXIT_USAGE where a path that the user gave is at fault, by errno; EXIT_FAILED where the machine is. */
int exit_code_of(int why);

/* Fills e (which may be NULL), its text as a terminal may have it (data/base/printable.h), and returns false,
 * so that a caller can `return fail(...)`. */
bool fail(Error *e, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Prints one line and ends the program, EXIT_FAILED: for small memory, which a machine that can train has. A
 * run that ends so is interrupted, as if killed: its lock is free. */
_Noreturn void out_of_memory(void);

#endif
