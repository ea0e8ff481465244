/* Owns: JSON lines: an object a line, of which one field is a document's text.
 * Does not own: files (data/base/files.h), what becomes of the documents (data/corpus.h). */
#ifndef SINKLAB_JSON_LINES_H
#define SINKLAB_JSON_LINES_H

#include "data/base/error.h"

#include <stdint.h>

/* Is given the text of a line. */
typedef bool TextTaker(void *self, const char *text, int64_t size, Error *e);

/* Gives every line's text to `take`, in order; lines of blanks alone are none. An error (EXIT_USAGE), naming
 * `name` and the line, where a line is no object or has no text of that name: to pass it over would be to
 * train on less than was given. */
bool json_lines_parse(const char *data, int64_t size, const char *name, const char *field, TextTaker *take,
                      void *self, Error *e);

#endif
