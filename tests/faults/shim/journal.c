/* What the program does to files is written down, so that a test can build the disk of any instant. */
#include "tests/faults/shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int journal = -1;

__attribute__((constructor)) static void open_journal(void) {
    const char *path = getenv("SINKLAB_JOURNAL");
    if (path) journal = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
}

bool notes_are_kept(void) {
    return journal >= 0;
}

/* In one call, so that those of several processes do not mix. */
static void keep(Note n, const char *path, const char *other, const void *data) {
    struct iovec parts[] = {{&n, sizeof n},
                            {(char *)path, (size_t)n.path},
                            {(char *)other, (size_t)n.other},
                            {(void *)data, data ? (size_t)n.length : 0}};
    ssize_t all = (ssize_t)(sizeof n + parts[1].iov_len + parts[2].iov_len + parts[3].iov_len);
    int before = errno;
    if (writev(journal, parts, 4) != all) abort();
    errno = before;
}

static bool path_of_fd(int fd, char path[4096]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, 4095);
    if (n >= 0) path[n] = 0;
    return n >= 0;
}

void note_file(int kind, int fd, int64_t offset, const void *data, int64_t length) {
    struct stat s;
    char path[4096] = "";
    if (fstat(fd, &s) || !(S_ISREG(s.st_mode) || S_ISDIR(s.st_mode))) return;
    if (S_ISDIR(s.st_mode) && !path_of_fd(fd, path)) return;
    int bytes = *path ? (int)strlen(path) + 1 : 0;
    keep((Note){.kind = kind, .path = bytes, .file = s.st_ino, .offset = offset, .length = length}, path,
         NULL, data);
}

void note_open(int fd, bool made) {
    struct stat s;
    char path[4096];
    if (fstat(fd, &s) || !S_ISREG(s.st_mode) || !path_of_fd(fd, path)) return;
    keep((Note){.kind = NOTE_OPEN, .path = (int)strlen(path) + 1, .made = made, .file = s.st_ino}, path, NULL,
         NULL);
}

static void absolute(const char *path, char out[8192]) {
    char here[4096] = "";
    if (*path != '/' && !getcwd(here, sizeof here)) abort();
    snprintf(out, 8192, "%s%s%.4000s", here, *path == '/' ? "" : "/", path);
}

void note_names(int kind, const char *path, const char *other) {
    char a[8192], b[8192] = "";
    absolute(path, a);
    if (other) absolute(other, b);
    keep((Note){.kind = kind, .path = (int)strlen(a) + 1, .other = other ? (int)strlen(b) + 1 : 0}, a, b,
         NULL);
}
