#include "data/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char PREFIX[] = "tmp-";

/* A workspace's owner holds a lock on it, so one whose lock is free has lost its owner. */
static void sweep(const char *cache_dir) {
    DIR *dir = opendir(cache_dir);
    if (!dir) return;
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1)) continue;
        Path p = path_of("%s/%s", cache_dir, entry->d_name);
        int fd = open(p.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) continue;
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) folder_remove(p.s);
        close(fd);
    }
    closedir(dir);
}

static bool fail_cache(Error *e, const char *cache_dir, int why) {
    return fail(e, exit_code_of(why), "cache: %s: %s (the cache folder must be writable)", cache_dir,
                strerror(why));
}

bool workspace_open(Workspace *w, const char *cache_dir, Error *e) {
    *w = (Workspace){.lock = -1};
    Error unmade = {0};
    if (!folder_make(cache_dir, &unmade))
        return fail(e, unmade.code, "cache: %s (the cache folder must be writable)", unmade.text);
    /* Processes pass here one at a time, so that none removes a folder between its making and its locking. */
    int gate = open(path_of("%s/lock", cache_dir).s, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (gate < 0 || flock(gate, LOCK_EX)) {
        int why = errno;
        if (gate >= 0) close(gate);
        return fail_cache(e, cache_dir, why);
    }
    sweep(cache_dir);
    w->path = path_of("%s/%sXXXXXX", cache_dir, PREFIX);
    bool ok = mkdtemp(w->path.s) && chmod(w->path.s, 0755) == 0;
    if (ok) w->lock = open(w->path.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = ok && w->lock >= 0 && flock(w->lock, LOCK_EX) == 0;
    if (!ok) fail_cache(e, cache_dir, errno);
    close(gate);
    return ok;
}

/* Gives a folder its name. Where one is there, both change names at once, so that at no instant there is
 * none; on a disk that cannot do so the old one goes first. */
static bool put(const char *from, const char *to) {
    if (rename(from, to) == 0) return true;
    if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR) return false;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0) return true;
    Path old = path_of("%s-old", from);
    bool ok = rename(to, old.s) == 0 && rename(from, to) == 0;
    int why = errno;
    folder_remove(old.s);
    errno = why;
    return ok;
}

bool workspace_publish(Workspace *w, const char *from, const char *to, Error *e) {
    if (!folder_sync(from, e)) return false;
    if (!put(from, to))
        return fail(e, EXIT_FAILED, "cache: %s: cannot be put in place: %s", to, strerror(errno));
    Path parent = path_of("%s/..", w->path.s);
    int fd = open(parent.s, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    return true;
}

void workspace_close(Workspace *w) {
    folder_remove(w->path.s);
    if (w->lock >= 0) close(w->lock);
    *w = (Workspace){.lock = -1};
}
