/* The file of a database among others: by which name, whether it still stands there, whether it is on the
 * platter, how long another program's lock is waited for. */
#include "train/signals.h"
#include "train/store/store_private.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- its name ---- */

static bool is_link(const char *path) {
    struct stat st;
    return !lstat(path, &st) && S_ISLNK(st.st_mode);
}

/* Two names of one file would have a log and a folder of runs each. */
static bool check_names(const Store *s, Error *e) {
    struct stat st;
    if (stat(s->path, &st) || st.st_nlink < 2) return true;
    return fail(e, EXIT_USAGE,
                "results: %s: a file of %d names, of which only one can have its log (give it one: cp)",
                s->path, (int)st.st_nlink);
}

/* A link to what is not there yet is a place to make it. */
bool store_resolve(Store *s, const char *path, bool write, Error *e) {
    char real[PATH_MAX];
    int fd =
        write && is_link(path) && access(path, F_OK) ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (fd >= 0) close(fd);
    if (is_link(path) && !realpath(path, real))
        return fail(e, exit_code_of(errno), "results: %s: %s", path, strerror(errno));
    const char *name = is_link(path) ? real : path;
    if (strlen(name) >= STORE_PATH)
        return fail(e, EXIT_USAGE, "results: %.40s...: the path is too long", name);
    strcpy(s->path, name);
    return !write || check_names(s, e);
}

/* ---- its place ---- */

bool store_in_place(Store *s, Error *e) {
    int moved = 0;
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (!moved) return true;
    s->impatient = true;
    /* What the log holds goes into the file, which may be found again: SQLite leaves the log of a file that
     * has moved where it is, under the old name. */
    sqlite3_wal_checkpoint_v2(s->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return fail(
        e, EXIT_FAILED,
        "results: %s: moved, removed or replaced while it was written to: the rows are in the file that was "
        "there (put it back with %s.d, and runs go on from their checkpoints)",
        s->path, s->path);
}

/* ---- the platter ---- */

static bool sync_folder_of(const char *path) {
    char text[STORE_PATH + 8];
    strcpy(text, path);
    int fd = open(dirname(text), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && (!fsync(fd) || errno == EINVAL); /* some file systems do not sync folders */
    if (fd >= 0) close(fd);
    return ok;
}

/* In WAL mode the database itself is synced only when the log goes into it; without a log each commit is. The
 * log is SQLite's own open file: to open and close the database here would drop its locks. */
bool store_sync(Store *s, Error *e) {
    sqlite3_file *log = NULL;
    sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log && log->pMethods &&
        log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) != SQLITE_OK)
        return fail(e, EXIT_FAILED,
                    "results: %s: its log cannot be synced: the disk does not answer as it should", s->path);
    if (s->entries_synced) return true;
    char runs[STORE_PATH + 8];
    snprintf(runs, sizeof runs, "%s.d/KEY", s->path); /* whose entry is in DB.d */
    s->entries_synced = sync_folder_of(s->path) && (sync_folder_of(runs) || errno == ENOENT);
    return s->entries_synced ||
           fail(e, EXIT_FAILED, "results: %s: its folder cannot be synced: %s", s->path, strerror(errno));
}

/* ---- locks ---- */

enum {
    PATIENCE = 600,
    LAST_PATIENCE = 30,
    TELL_AFTER = 3,
    LONGEST_NAP_MS = 50
}; /* seconds but for the nap */

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A table edited in a browser for databases, a backup: minutes pass, and a run would lose what it has not
 * saved. Who is told to stop waits less, and who has waited in vain hardly. */
int store_wait(void *store, int tries) {
    Store *s = store;
    double now = seconds(), most = s->impatient ? 1 : signals_stopped() ? LAST_PATIENCE : PATIENCE;
    if (!tries) s->locked_since = now, s->told = false;
    if (now - s->locked_since > most) {
        s->impatient = true;
        return 0;
    }
    if (now - s->locked_since > TELL_AFTER && !s->told) {
        fprintf(stderr,
                "sinklab: results: %s: locked by another program: waiting for it, at most %d minutes\n",
                s->path, PATIENCE / 60);
        s->told = true;
    }
    usleep(1000u * (unsigned)(tries < LONGEST_NAP_MS ? tries + 1 : LONGEST_NAP_MS));
    return 1;
}
