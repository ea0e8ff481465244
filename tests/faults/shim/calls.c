/* The calls that stand before those of the C library. Each asks whether it is to fail, and notes what it has
 * done. Files that are written through stdio are streams over those calls, for the library's own cannot be
 * stood before. */
#include "tests/faults/shim/shim.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))next(#name))

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

/* ---- memory: dlsym needs some, so the C library's own names ---- */

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);

void *malloc(size_t n) {
    return fault(CALL_MEMORY) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    return fault(CALL_MEMORY) ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n) {
    return fault(CALL_MEMORY) ? NULL : __libc_realloc(p, n);
}

void *reallocarray(void *p, size_t n, size_t size) {
    size_t all;
    if (__builtin_mul_overflow(n, size, &all)) return errno = ENOMEM, NULL;
    return fault(CALL_MEMORY) ? NULL : __libc_realloc(p, all);
}

int posix_memalign(void **p, size_t alignment, size_t n) {
    if (fault(CALL_MEMORY)) return ENOMEM;
    *p = __libc_memalign(alignment, n);
    return *p ? 0 : ENOMEM;
}

void *memalign(size_t alignment, size_t n) {
    return fault(CALL_MEMORY) ? NULL : __libc_memalign(alignment, n);
}

void *aligned_alloc(size_t alignment, size_t n) {
    return memalign(alignment, n);
}

/* ---- opening ---- */

static int open_next(int at, const char *path, int flags, mode_t mode) {
    struct stat s;
    bool writes = (flags & O_ACCMODE) != O_RDONLY, made = flags & O_CREAT && fstatat(at, path, &s, 0);
    if (fault(made ? CALL_CREATE : CALL_OPEN)) return -1;
    int fd = NEXT(openat64)(at, path, flags, mode);
    if (fd < 0 || !writes || !notes_are_kept()) return fd;
    note_open(fd, made);
    if (flags & O_TRUNC && !made) note_file(NOTE_TRUNCATE, fd, 0, NULL, 0);
    return fd;
}

#define OPEN_WITH(at)                                                                                        \
    va_list args;                                                                                            \
    va_start(args, flags);                                                                                   \
    mode_t mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;                                \
    va_end(args);                                                                                            \
    return open_next(at, path, flags, mode)

int open(const char *path, int flags, ...) {
    OPEN_WITH(AT_FDCWD);
}

int open64(const char *path, int flags, ...) {
    OPEN_WITH(AT_FDCWD);
}

int openat(int at, const char *path, int flags, ...) {
    OPEN_WITH(at);
}

DIR *opendir(const char *path) {
    return fault(CALL_OPEN) ? NULL : NEXT(opendir)(path);
}

/* ---- reading, writing, syncing ---- */

ssize_t read(int fd, void *data, size_t n) {
    return fault(CALL_READ) ? -1 : NEXT(read)(fd, data, n);
}

ssize_t pread(int fd, void *data, size_t n, off_t at) {
    return fault(CALL_READ) ? -1 : NEXT(pread)(fd, data, n, at);
}

ssize_t pread64(int fd, void *data, size_t n, off64_t at) {
    return fault(CALL_READ) ? -1 : NEXT(pread64)(fd, data, n, at);
}

/* at < 0: at the file's own place. */
static ssize_t write_next(int fd, const void *data, size_t n, off64_t at) {
    Fault f = fault(CALL_WRITE);
    if (f == FAULT_FAILS) return -1;
    if (f == FAULT_SHORT && n > 1) n /= 2;
    ssize_t done = at < 0 ? NEXT(write)(fd, data, n) : NEXT(pwrite64)(fd, data, n, at);
    if (done > 0 && notes_are_kept())
        note_file(NOTE_WRITE, fd, at < 0 ? lseek64(fd, 0, SEEK_CUR) - done : at, data, done);
    return done;
}

ssize_t write(int fd, const void *data, size_t n) {
    return write_next(fd, data, n, -1);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
    return write_next(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
    return write_next(fd, data, n, at);
}

int ftruncate(int fd, off_t size) {
    if (fault(CALL_WRITE)) return -1;
    int failed = NEXT(ftruncate)(fd, size);
    if (!failed && notes_are_kept()) note_file(NOTE_TRUNCATE, fd, size, NULL, 0);
    return failed;
}

int ftruncate64(int fd, off64_t size) {
    return ftruncate(fd, size);
}

int fsync(int fd) {
    if (fault(CALL_SYNC)) return -1;
    int failed = NEXT(fsync)(fd);
    if (!failed && notes_are_kept()) note_file(NOTE_SYNC, fd, 0, NULL, 0);
    return failed;
}

int fdatasync(int fd) {
    if (fault(CALL_SYNC)) return -1;
    int failed = NEXT(fdatasync)(fd);
    if (!failed && notes_are_kept()) note_file(NOTE_SYNC, fd, 0, NULL, 0);
    return failed;
}

/* ---- streams ---- */

enum { STREAMS = 16 };
static struct Stream {
    FILE *file;
    int fd;
} streams[STREAMS];

static ssize_t stream_write(void *cookie, const char *data, size_t n) {
    const struct Stream *s = cookie;
    size_t done = 0;
    while (done < n) {
        ssize_t more = write(s->fd, data + done, n - done);
        if (more < 0) break;
        done += (size_t)more;
    }
    return (ssize_t)done;
}

static int stream_seek(void *cookie, off64_t *at, int whence) {
    const struct Stream *s = cookie;
    *at = lseek64(s->fd, *at, whence);
    return *at < 0 ? -1 : 0;
}

static int stream_close(void *cookie) {
    struct Stream *s = cookie;
    s->file = NULL;
    return close(s->fd);
}

static FILE *stream_open(struct Stream *s, const char *path, bool appends) {
    s->fd = open(path, O_WRONLY | O_CREAT | (appends ? O_APPEND : O_TRUNC), 0666);
    if (s->fd < 0) return NULL;
    s->file = fopencookie(s, "w", (cookie_io_functions_t){NULL, stream_write, stream_seek, stream_close});
    if (!s->file) close(s->fd);
    return s->file;
}

static FILE *fopen_next(const char *path, const char *mode) {
    if ((*mode != 'w' && *mode != 'a') || strchr(mode, '+'))
        return fault(CALL_OPEN) ? NULL : NEXT(fopen)(path, mode);
    for (int i = 0; i < STREAMS; i++)
        if (!streams[i].file) return stream_open(&streams[i], path, *mode == 'a');
    abort();
}

FILE *fopen(const char *path, const char *mode) {
    return fopen_next(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    return fopen_next(path, mode);
}

int fileno(FILE *f) {
    for (int i = 0; i < STREAMS; i++)
        if (streams[i].file == f) return streams[i].fd;
    return NEXT(fileno)(f);
}

/* ---- names ---- */

static int named(int failed, int kind, const char *path, const char *other) {
    if (!failed && notes_are_kept()) note_names(kind, path, other);
    return failed;
}

int mkdir(const char *path, mode_t mode) {
    return fault(CALL_CREATE) ? -1 : named(NEXT(mkdir)(path, mode), NOTE_MKDIR, path, NULL);
}

char *mkdtemp(char *path) {
    if (fault(CALL_CREATE) || !NEXT(mkdtemp)(path)) return NULL;
    named(0, NOTE_MKDIR, path, NULL);
    return path;
}

int rename(const char *from, const char *to) {
    return fault(CALL_RENAME) ? -1 : named(NEXT(rename)(from, to), NOTE_RENAME, from, to);
}

int renameat2(int at, const char *from, int at_other, const char *to, unsigned flags) {
    if (fault(CALL_RENAME)) return -1;
    int kind = flags & RENAME_EXCHANGE ? NOTE_EXCHANGE : NOTE_RENAME;
    return named(NEXT(renameat2)(at, from, at_other, to, flags), kind, from, to);
}

int unlink(const char *path) {
    return fault(CALL_REMOVE) ? -1 : named(NEXT(unlink)(path), NOTE_REMOVE, path, NULL);
}

int rmdir(const char *path) {
    return fault(CALL_REMOVE) ? -1 : named(NEXT(rmdir)(path), NOTE_REMOVE, path, NULL);
}

int remove(const char *path) {
    return fault(CALL_REMOVE) ? -1 : named(NEXT(remove)(path), NOTE_REMOVE, path, NULL);
}
