/* Owns: how much of a terminal's line a text takes: CJK and emoji two columns a character, accents none.
 * Does not own: what is cut, control characters (data/base/printable.h). */
#ifndef SINKLAB_COLUMNS_H
#define SINKLAB_COLUMNS_H

#include <stddef.h>

/* Columns of a text in UTF-8, by wcwidth(3) of C.UTF-8 whatever the locale; a byte of no character takes one.
 */
int columns_of(const char *text);
/* Bytes of the longest beginning, of whole characters, that takes `most` columns at the most. */
size_t columns_fit(const char *text, int most);
/* Columns of the terminal that the file descriptor writes to: 80 where it tells none. */
int columns_of_terminal(int file);

#endif
