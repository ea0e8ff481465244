/* Owns: the form of a command. Each room exports its commands; train/main.c gathers them
 * into the one table that dispatches and prints --help. Does not own: what a command does, and what its words
 * mean. */
#ifndef SINKLAB_COMMAND_H
#define SINKLAB_COMMAND_H

#include "data/base/error.h"
#include "data/base/list.h"

#include <stdio.h>

typedef struct Command {
    const char *name;        /* "train" */
    const char *usage;       /* "CONFIG [key=value ...]" */
    const char *summary;     /* one line */
    const char *options;     /* help text of its options, lines; may be NULL */
    void (*list)(FILE *out); /* help text after the options, taken from a table; may be NULL */
    /* argv[0] is the first word after the command. Returns the exit code; fills e when not 0
     * and something is to be said. */
    int (*run)(int argc, char **argv, Error *e);
} Command;

/* The options a command takes: a table ended by a NULL name. */
typedef struct Flag {
    const char *name; /* "--db", or short: "-o" */
    enum { FLAG_BOOL, FLAG_TEXT, FLAG_INT, FLAG_LIST } type;
    void *value; /* bool *, const char **, int64_t *, TextList *: set when the option is given */
} Flag;

/* Reads `--name value` and `--name=value`; `--` ends the options. Words, and negative numbers,
 * are moved to the front of argv in their order and counted in *n_words. An unknown option, or
 * one without its value, is the user's mistake (exit code 2). The last of a repeated option wins, but a list
 * gains an item each time. */
bool flags_read(const Flag *flags, int argc, char **argv, int *n_words, Error *e);

/* The whole program (train/main.c), called by main (train/start.c) on a CPU that it can run on. */
int program(int argc, char **argv);

extern const Command train_command, sample_command, data_command, fetch_command, export_command,
    import_command; /* train/ */
extern const Command sweep_command, runs_command, query_command, report_command, merge_command, probe_command,
    bench_command; /* ablations/ */

#endif
