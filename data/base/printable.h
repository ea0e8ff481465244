/* Owns: a text as a terminal may have it: what others wrote into a database or a file must not steer it.
 * Does not own: JSON, CSV, Markdown and HTML, whose own rules say what stands for what. */
#ifndef SINKLAB_PRINTABLE_H
#define SINKLAB_PRINTABLE_H

#include <stddef.h>

/* `text` with each byte of a control character (C0, DEL, C1), or of no character of UTF-8, as \xNN; cut at a
 * whole character where there is no room. out may not be `text`. Four times the text and one byte are always
 * room enough. */
void printable(const char *text, char *out, size_t room);

#endif
