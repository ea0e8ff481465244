/* Owns: a text for people on a line that is too short for it. Does not own: how long the line is
 * (data/base/columns.h). */
#ifndef SINKLAB_FOLD_H
#define SINKLAB_FOLD_H

#include <stdio.h>

/* Prints a text; lines of more than `room` columns go on below, broken at blanks, under what stands behind
 * their first two blanks ("  --db PATH   results": under results), or else under their beginning. */
void fold_print(FILE *out, const char *text, int room);

#endif
