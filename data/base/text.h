/* Owns: a text that is built through stdio in memory: whole, or the program ends (out_of_memory). A text that
 * was cut short would be another text: a key, a configuration, a page. Does not own: files. */
#ifndef SINKLAB_TEXT_H
#define SINKLAB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* As open_memstream(3), but never NULL: fclose gives *text (to be freed) and *length, without the 0 at its
 * end. */
FILE *text_open(char **text, size_t *length);

/* A copy to be freed. */
char *text_copy(const char *text);

bool text_ends(const char *text, const char *end);

#endif
