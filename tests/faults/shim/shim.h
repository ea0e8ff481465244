/* Owns: what the parts of the preloaded library share: which calls there are, whether one is to fail, what is
 * written down of one that succeeded. Does not own: the program's tests, which decide by environment
 * variables what happens. */
#ifndef SINKLAB_SHIM_H
#define SINKLAB_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Kinds of calls, as letters: FAULT and the list of sites name them. */
enum {
    CALL_CREATE = 'c', /* a file or folder that is not there yet */
    CALL_OPEN = 'o',
    CALL_READ = 'd',
    CALL_WRITE = 'w', /* and ftruncate */
    CALL_SYNC = 's',
    CALL_RENAME = 'r',
    CALL_REMOVE = 'u',
    CALL_MEMORY = 'm',
};

typedef enum Fault { FAULT_NONE, FAULT_FAILS, FAULT_SHORT } Fault;

/* Whether this call is the one to fail; then errno is set. SINKLAB_FAULT="KIND,SITE,NTH,ERRNO,MODE": the NTH
 * call of that kind in its process, if made from SITE (0: from any), fails with ERRNO (0: the process is
 * killed there), MODE is once, always (whatever is created, written or synced from then on fails too, in
 * later processes as well) or short (half of a write is done). SINKLAB_FAULT_DONE names the file that says so
 * once it has happened. SINKLAB_SITES=FILE, SINKLAB_KINDS=letters: no call fails, each of those kinds is
 * listed there: kind, site, number among those of its kind in its process. */
Fault fault(char kind);

/* What a journal (SINKLAB_JOURNAL=FILE) keeps: changes to files and folders, in the order in which they were
 * made. */
enum {
    NOTE_OPEN = 1,
    NOTE_WRITE,
    NOTE_TRUNCATE,
    NOTE_SYNC,
    NOTE_MKDIR,
    NOTE_REMOVE,
    NOTE_RENAME,
    NOTE_EXCHANGE
};

typedef struct Note {
    int32_t kind;
    int32_t path, other; /* bytes of each, with their ends; they follow the note, then the data */
    int32_t made;        /* NOTE_OPEN: the file was not there before */
    uint64_t file;       /* inode number */
    int64_t offset, length;
} Note;

/* A change to an open file; offset and data of a write. */
void note_file(int kind, int fd, int64_t offset, const void *data, int64_t length);
/* An open file's path, whether it was made by the opening. */
void note_open(int fd, bool made);
/* A change to names; other may be NULL. */
void note_names(int kind, const char *path, const char *other);
bool notes_are_kept(void);

#endif
