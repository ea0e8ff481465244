/* Owns: files on disk: opening, reading (gzip, zstd or plain), writing
 * to the platter, mapping, making and removing folders, content hashes.
 * Does not own: which files a folder has (data/base/listing.h), what the bytes mean, and which file may
 * replace which (data/workspace.h). */
#ifndef SINKLAB_FILES_H
#define SINKLAB_FILES_H

#include "data/base/bytes.h"

#include <stddef.h>
#include <stdint.h>

enum { PATH_BYTES = 4096, HASH_HEX = 33 };

/* A path by value, so that one can be written where it is used: path_of("%s/meta", folder).s.
 * A path that does not fit becomes "", which no call can open. */
typedef struct Path {
    char s[PATH_BYTES];
} Path;
Path path_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Opens a file that the user names, for reading. Regular files alone: a FIFO would wait for a writer, a
 * device may never end; both are refused in one line (EXIT_USAGE), as folders and sockets are. Returns the
 * descriptor, -1 after an error; *size (may be NULL) is the file's in bytes. */
int file_open(const char *path, int64_t *size, Error *e);

/* Whether a file that begins so is unpacked by file_read: gzip, zstd. */
bool packed_begins(const void *data, int64_t size);
/* Appends a whole file, unpacked if it is packed so. A failure leaves `out` with the bytes it had. */
bool file_read(const char *path, Bytes *out, Error *e);

/* Appends what is left of an open descriptor, as it is; `name` stands in errors. */
bool file_read_descriptor(int fd, const char *name, Bytes *out, Error *e);

/* Appends a whole file as it is, of `most` bytes at the most (EXIT_USAGE). A failure leaves `out` likewise.
 */
bool file_read_raw(const char *path, int64_t most, Bytes *out, Error *e);

/* Creates or empties the file and writes it. Not synced: workspace_publish syncs a folder. */
bool file_write(const char *path, const void *data, int64_t size, Error *e);

/* The same whole or not at all, whoever else reads or writes it: written beside it, then renamed. */
bool file_replace(const char *path, const void *data, int64_t size, Error *e);

/* Maps a file read-only. An empty file gives NULL and 0. Undone by munmap. */
bool file_map(const char *path, const void **data, int64_t *size, Error *e);

/* Writes a file that holds what another holds. hash (HASH_HEX, may be NULL): of the contents. */
bool file_copy(const char *from, const char *to, char *hash, Error *e);

/* Makes an empty folder sinklab-NAME-XXXXXX in $TMPDIR or /tmp, to be removed by folder_remove; "" after an
 * error. */
bool folder_scratch(const char *name, Path *out, Error *e);
bool folder_make(const char *path, Error *e); /* with its parents; there already is fine */
bool folder_sync(const char *path, Error *e); /* every file below it, and the folders */
void folder_remove(const char *path);         /* with all below it */

/* Why another program may have left less than all of its output in this folder, for a message. */
const char *folder_lacks_room(const char *path);

/* XXH3-128 as 32 hex digits, of bytes and of a file. */
void hash_hex(const void *data, int64_t size, char hex[HASH_HEX]);
bool file_hash(const char *path, char hex[HASH_HEX], Error *e);

#endif
