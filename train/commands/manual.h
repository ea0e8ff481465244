/* Owns: what is made of the table of commands for other programs: a man page, completions of shells.
 * Does not own: the table (train/main.c), --help. */
#ifndef SINKLAB_MANUAL_H
#define SINKLAB_MANUAL_H

#include "train/commands/command.h"

/* `commands` end with NULL. Options are the lines of a command's help that begin with a dash, its actions the
 * lower-case words of its usage that bars stand between. */
typedef void Manual(FILE *out, const Command *const *commands, const char *version);
Manual manual_man, manual_bash, manual_zsh;

#endif
