/* Owns: the form of a command. Each room exports its commands; train/main.c gathers them
 * into the one table that dispatches and prints --help. */
#ifndef SINKLAB_COMMAND_H
#define SINKLAB_COMMAND_H

#include "data/base/error.h"

#include <stdio.h>

typedef struct Command {
    const char *name;      /* "train" */
    const char *usage;     /* "CONFIG [key=value ...]" */
    const char *summary;   /* one line */
    const char *options;   /* help text of its options, lines; may be NULL */
    /* argv[0] is the first word after the command. Returns the exit code; fills e when not 0
     * and something is to be said. */
    int (*run)(int argc, char **argv, Error *e);
} Command;

/* The options a command takes, read from argv in place: `flags` is a table ended by NULL
 * name; positional words are moved to the front of argv and counted in *n_words. */
typedef struct Flag {
    const char *name;      /* "--db" */
    enum { FLAG_BOOL, FLAG_TEXT, FLAG_INT } type;
    void *value;           /* bool *, const char **, int64_t * */
} Flag;
bool flags_read(const Flag *flags, int argc, char **argv, int *n_words, Error *e);

extern const Command train_command, data_command, fetch_command;   /* train/ */
extern const Command sweep_command, runs_command, report_command;  /* ablations/ */

#endif
