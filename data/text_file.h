/* Owns: reading one file as text, and telling by its first bytes what is none: packed, of 16-bit characters,
 * a table, an archive, tokens, a program; JSON lines also by the file's name.
 * Does not own: what a document is (data/corpus.h). */
#ifndef SINKLAB_TEXT_FILE_H
#define SINKLAB_TEXT_FILE_H

#include "data/base/files.h"

enum { TEXT_HEAD = 1 << 16 }; /* bytes that are looked at */

/* A kind of file that is no text, in words; `name` NULL: the file may be text. */
typedef struct NoText {
    const char *name; /* "a zip archive" */
    const char *hint; /* what makes a text of it */
} NoText;

/* Judges the first bytes of a file, `size` of them; `whole` when the file has no more. */
NoText no_text(const char *head, int64_t size, bool whole);

/* Appends a file's text, unpacked if it is gzip or zstd. What is no text is refused by name (EXIT_USAGE)
 * before the rest of it is read. A failure leaves `out` with the bytes it had. */
bool text_file_read(const char *path, Bytes *out, Error *e);

#endif
