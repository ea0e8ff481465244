/* Owns: how a number stands in a text that a person wrote: decimal, nothing before or after it. strtod also
 * takes hexadecimal, nan, inf and leading blanks. Does not own: bounds, and the message: its callers'. */
#ifndef SINKLAB_NUMBER_H
#define SINKLAB_NUMBER_H

#include <stdbool.h>

/* False where the text is none, or none that is finite. */
bool number_read(const char *text, double *value);

#endif
