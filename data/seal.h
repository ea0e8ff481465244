/* Owns: telling that a folder's files are what they were when it was finished: a file `meta` with facts about
 * them, a checksum of each, and one of itself.
 * Does not own: what the files mean, and how a folder is put in place (data/workspace.h). */
#ifndef SINKLAB_SEAL_H
#define SINKLAB_SEAL_H

#include "data/base/files.h"

/* Writes folder/meta: the facts, lines "name value\n", then a line "file NAME HASH" for each file of the
 * folder, and last "meta HASH" of all lines before (XXH3-128). */
bool folder_seal(const char *folder, const char *facts, Error *e);

/* Appends the facts of a sealed folder and a NUL. An error says what is damaged: the meta, or a file that is
 * missing or differs. Every byte is read, at the speed of memory where the files are in memory. */
bool folder_check(const char *folder, Bytes *facts, Error *e);

/* The part of that which needs no file: the facts of a meta that lies in memory, and where its lines "file"
 * begin, to `files`. */
bool seal_parse(const char *meta, int64_t size, Bytes *facts, Bytes *files, Error *e);

/* Copies the value of the fact `name` to `value`; false where there is none or it does not fit. */
bool fact_read(const char *facts, const char *name, char *value, size_t room);

#endif
