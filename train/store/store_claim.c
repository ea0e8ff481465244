/* The life of a run in the database: registered, claimed, marked, rewound, deleted. That a run is
 * alive is a lock that its process holds on DB.d/KEY/lock; the kernel drops it with the process. */
#include "train/store/column.h"
#include "train/store/schema.h"
#include "train/store/store_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_DIGITS = 32 };
#define NOW "strftime('%Y-%m-%dT%H:%M:%SZ')"

/* ---- folders and locks ---- */

bool store_key(const Store *s, const char *key, Error *e) {
    if (key && strlen(key) == KEY_DIGITS && strspn(key, "0123456789abcdef") == KEY_DIGITS) return true;
    return fail(e, EXIT_USAGE,
                "results: %s: a run's key is \"%.80s\", not %d hex digits (made by another program?)",
                s->path, key ? key : "", KEY_DIGITS);
}

bool store_folder(const Store *s, const char *key, char out[1024], Error *e) {
    if (!store_key(s, key, e)) return false;
    snprintf(out, 1024, "%s.d/%s", s->path, key);
    return true;
}

static void lock_path(const char *folder, char out[1100]) {
    snprintf(out, 1100, "%s/lock", folder);
}

static bool make_folder(Store *s, const char *folder, Error *e) {
    char parent[1024];
    snprintf(parent, sizeof parent, "%s.d", s->path);
    if ((mkdir(parent, 0777) && errno != EEXIST) || (mkdir(folder, 0777) && errno != EEXIST))
        return fail(e, exit_code_of(errno), "results: %s: %s (the run's files go there)", folder,
                    strerror(errno));
    return true;
}

typedef enum LockResult { LOCK_OURS, LOCK_OTHERS, LOCK_ERROR } LockResult;

/* A lock of the open file description: threads share it, closing other descriptors keeps it. */
static LockResult lock_take(Store *s, const char *folder, int *out, Error *e) {
    char path[1100];
    lock_path(folder, path);
    for (;;) {
        if (!make_folder(s, folder, e)) return LOCK_ERROR;
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (fd < 0 && errno == ENOENT) continue; /* deleted since: make the folder again */
        if (fd < 0) return fail(e, exit_code_of(errno), "results: %s: %s", path, strerror(errno)), LOCK_ERROR;
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_OFD_SETLK, &whole)) {
            bool taken = errno == EAGAIN || errno == EACCES;
            if (!taken) fail(e, EXIT_FAILED, "results: %s: %s (no locks here?)", path, strerror(errno));
            close(fd);
            return taken ? LOCK_OTHERS : LOCK_ERROR;
        }
        struct stat ours, there;
        if (!fstat(fd, &ours) && !stat(path, &there) && ours.st_ino == there.st_ino) {
            *out = fd;
            return LOCK_OURS;
        }
        close(fd); /* the file was deleted between open and lock: a lock on it says nothing */
    }
}

bool store_alive(Store *s, const char *key) {
    char folder[1024], path[1100];
    if (!store_folder(s, key, folder, NULL)) return false;
    lock_path(folder, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool alive = !fcntl(fd, F_OFD_GETLK, &whole) && whole.l_type != F_UNLCK;
    close(fd);
    return alive;
}

void store_release(Claim *c) {
    if (c->lock >= 0) close(c->lock);
    c->lock = -1;
}

typedef int EntryRemover(const char *path, const struct stat *st, int kind, struct FTW *where);

static bool begins(const char *path, const struct FTW *where, const char *name) {
    return where->level == 1 && !strncmp(path + where->base, name, strlen(name));
}

/* Everything in a run's folder but its lock. */
static int remove_all(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st, (void)kind;
    return !where->level || begins(path, where, "lock") ? 0 : remove(path);
}

/* Nor what a sweep has put there for the start that is under way: its configuration, and its log, which is
 * being written to. */
static int remove_former(const char *path, const struct stat *st, int kind, struct FTW *where) {
    bool keep = begins(path, where, "config.json") || begins(path, where, "log.txt");
    return keep ? 0 : remove_all(path, st, kind, where);
}

static bool empty_folder(const char *folder, EntryRemover *remove_entry, Error *e) {
    if (!nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) || errno == ENOENT) return true;
    return fail(e, EXIT_FAILED, "results: %s: cannot be emptied: %s (remove what is in it)", folder,
                strerror(errno));
}

/* ---- registering ---- */

bool store_enqueue(Store *s, const RunIdentity *id, int64_t *run, Error *e) {
    sqlite3_stmt *add = store_prepare(
        s, e,
        "INSERT INTO run (key, variant, label, seed, config, status, corpus, licence, steps, parameters,"
        " flops_per_token) VALUES (?1, ?2, coalesce(?3, ''), ?4, ?5, 'queued', ?6, ?7, ?8, ?9, ?10)"
        " ON CONFLICT (key) DO UPDATE SET label = excluded.label,"
        " config = json_set(config, '$.run.label', excluded.label)"
        " WHERE excluded.label <> '' AND label <> excluded.label",
        "tttitttiid", id->key, id->variant, id->label, id->seed, id->config, id->corpus, id->licence,
        id->steps, id->parameters, id->flops_per_token);
    return store_finish(s, add, NULL, e) &&
           store_finish(s, store_prepare(s, e, "SELECT id FROM run WHERE key = ?1", "t", id->key), run, e);
}

bool store_sweep(Store *s, const char *name, const char *file, int64_t *sweep, Error *e) {
    sqlite3_stmt *add = store_prepare(s, e,
                                      "INSERT INTO sweep (name, file) VALUES (?1, ?2)"
                                      " ON CONFLICT (name) DO UPDATE SET file = excluded.file RETURNING id",
                                      "tt", name, file);
    return store_finish(s, add, sweep, e);
}

bool store_sweep_run(Store *s, int64_t sweep, int64_t index, int64_t run, Error *e) {
    sqlite3_stmt *add = store_prepare(s, e,
                                      "INSERT INTO sweep_run (sweep, \"index\", run) VALUES (?1, ?2, ?3)"
                                      " ON CONFLICT DO UPDATE SET run = excluded.run",
                                      "iii", sweep, index, run);
    return store_finish(s, add, NULL, e);
}

/* ---- claiming ---- */

/* What a run's status says to who would claim it. */
static const struct Rule {
    const char *status;
    ClaimResult plain, retry, again;
    bool afresh; /* `again` starts over */
} rules[] = {
    {"done", CLAIM_DONE, CLAIM_DONE, CLAIM_TAKEN, true},
    {"failed", CLAIM_NEEDS_RETRY, CLAIM_TAKEN, CLAIM_TAKEN, true},
    {"diverged", CLAIM_NEEDS_RETRY, CLAIM_TAKEN, CLAIM_TAKEN, true},
};

typedef struct RunState {
    ClaimResult result;
    bool afresh; /* it has no rows to go on with, or is to lose them */
    char kernels[CLAIM_KERNELS];
} RunState;

/* Of the run with that key; one that is not there yet may be taken. */
static bool read_run_state(Store *s, const RunIdentity *id, bool again, bool retry, RunState *out,
                           int64_t *run, Error *e) {
    *out = (RunState){.result = CLAIM_TAKEN, .afresh = true};
    sqlite3_stmt *read = store_prepare(
        s, e, "SELECT id, status, started IS NULL, blas_arch FROM run WHERE key = ?1", "t", id->key);
    if (!read) return false;
    int result;
    while ((result = sqlite3_step(read)) == SQLITE_ROW) { /* one at most: keys are unique */
        *run = sqlite3_column_int64(read, 0);
        const char *status = column_text(read, 1), *kernels = column_text(read, 3);
        *out = (RunState){.result = CLAIM_TAKEN, .afresh = sqlite3_column_int(read, 2)};
        snprintf(out->kernels, sizeof out->kernels, "%s", kernels ? kernels : "");
        for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
            if (status && !strcmp(rules[i].status, status))
                out->result = again   ? rules[i].again
                              : retry ? rules[i].retry
                                      : rules[i].plain,
                out->afresh = out->afresh || (again && rules[i].afresh);
        bool other = !out->afresh && *out->kernels && strcmp(out->kernels, id->blas_arch);
        if (out->result == CLAIM_TAKEN && other && id->same_kernels) out->result = CLAIM_REFUSED;
    }
    return store_ended(s, read, result, e);
}

/* From every table that has both columns. */
static bool delete_rows(Store *s, int64_t run, int64_t beyond, Error *e) {
    char where[80];
    snprintf(where, sizeof where, " WHERE run_id = %lld AND step > %lld", (long long)run, (long long)beyond);
    return sql_generated(
               s->db,
               "SELECT group_concat(printf('DELETE FROM \"%w\"', name) || ?1, ';') FROM sqlite_schema AS s"
               " WHERE type = 'table' AND 2 = (SELECT count(*) FROM pragma_table_info(s.name)"
               " WHERE name IN ('run_id', 'step'))",
               where, NULL) == SQLITE_OK ||
           store_failed(s, "results", e);
}

static bool start(Store *s, const RunIdentity *id, int64_t run, Error *e) {
    sqlite3_stmt *mark = store_prepare(
        s, e,
        "UPDATE run SET status = 'running', label = coalesce(?2, ''), config = ?3, host = ?4, cpu = ?5,"
        " blas_arch = ?6, git = ?7, corpus = ?8, licence = ?9, threads = ?10, steps = ?11, parameters = ?12,"
        " flops_per_token = ?13, corpus_hash = ?14, tokenizer_hash = ?15, started = coalesce(started, " NOW
        "), heartbeat = " NOW ", finished = NULL,"
        " origin = NULL, core_minutes = NULL"
        " WHERE id = ?1",
        "ittttttttiiidtt", run, id->label, id->config, id->host, id->cpu, id->blas_arch, id->git, id->corpus,
        id->licence, (int64_t)id->threads, id->steps, id->parameters, id->flops_per_token, id->corpus_hash,
        id->tokenizer_hash);
    return store_finish(s, mark, NULL, e);
}

/* With the lock held: the row's last word, in one transaction. It takes the rows of who starts afresh. */
static bool claim_row(Store *s, const RunIdentity *id, bool again, bool retry, RunState *out, int64_t *run,
                      Error *e) {
    if (!store_enqueue(s, id, run, e) || !read_run_state(s, id, again, retry, out, run, e)) return false;
    if (out->result != CLAIM_TAKEN || !out->afresh) return true;
    return delete_rows(s, *run, -1, e) &&
           store_finish(s,
                        store_prepare(s, e,
                                      "UPDATE run SET status = 'queued', checkpoint = NULL, started = NULL"
                                      " WHERE id = ?1",
                                      "i", *run),
                        NULL, e);
}

/* Files go after the rows that know of them: should either fail, what is left is whole or has not been
 * started. Those that no row knows of, of a database that is gone, stay unless the user asked for a new
 * start: they are days of work, if not to be gone on from (checkpoint_resume sets them aside). */
static bool take(Store *s, const RunIdentity *id, bool again, bool retry, Claim *out, Error *e) {
    RunState state;
    if (!store_begin(s, e) || !store_end(s, claim_row(s, id, again, retry, &state, &out->run, e), e))
        return false;
    out->result = state.result;
    if (!state.afresh) strcpy(out->kernels, state.kernels);
    if (out->result != CLAIM_TAKEN) return true;
    return (!state.afresh || !again || empty_folder(out->folder, remove_former, e)) &&
           start(s, id, out->run, e);
}

bool store_claim(Store *s, const RunIdentity *id, bool again, bool retry, Claim *out, Error *e) {
    *out = (Claim){.result = CLAIM_BUSY, .run = -1, .lock = -1};
    if (!store_folder(s, id->key, out->folder, e)) return false;
    RunState state;
    /* Looked at before the lock too: who only asks must not seem to be at work on it. */
    if (!store_flush(s, e) || !read_run_state(s, id, again, retry, &state, &out->run, e)) return false;
    if (state.result != CLAIM_TAKEN) {
        out->result = state.result;
        strcpy(out->kernels, state.kernels);
        return !id->label || !*id->label || store_enqueue(s, id, &out->run, e); /* for its label */
    }
    LockResult lock = lock_take(s, out->folder, &out->lock, e);
    if (lock != LOCK_OURS) return lock == LOCK_OTHERS;
    bool ok = take(s, id, again, retry, out, e);
    if (!ok || out->result != CLAIM_TAKEN) store_release(out);
    return ok;
}

/* ---- afterwards ---- */

bool store_logged(Store *s, int64_t run, int64_t *steps, Error *e) {
    sqlite3_stmt *find =
        store_prepare(s, e,
                      "SELECT min(step) FROM step AS here WHERE run_id = ?1 AND NOT EXISTS"
                      " (SELECT 1 FROM step AS next WHERE next.run_id = ?1 AND next.step = here.step + 1)"
                      " AND EXISTS (SELECT 1 FROM step AS first WHERE first.run_id = ?1 AND first.step = 1)",
                      "i", run);
    return store_finish(s, find, steps, e);
}

static bool note_versions(Store *s, int64_t run, Error *e) {
    return store_finish(s, store_prepare(s, e, "DELETE FROM figure_version WHERE run_id = ?1", "i", run),
                        NULL, e) &&
           store_finish(s,
                        store_prepare(s, e,
                                      "INSERT INTO figure_version SELECT ?1, figure, version FROM figure_now",
                                      "i", run),
                        NULL, e);
}

static bool rewind_run(Store *s, int64_t run, int64_t step, Error *e) {
    return delete_rows(s, run, step, e) && (step >= 0 || note_versions(s, run, e));
}

bool store_rewind(Store *s, int64_t run, int64_t step, Error *e) {
    return store_flush(s, e) && store_begin(s, e) && store_end(s, rewind_run(s, run, step, e), e);
}

static const char renewal_sql[] =
    "SELECT group_concat('UPDATE ' || s.name || ' SET \"' || c.name || '\" = NULL WHERE run_id = ' || ?1, "
    "';')"
    " FROM sqlite_schema AS s, pragma_table_info(s.name) AS c JOIN outdated AS o ON o.figure = c.name"
    " WHERE s.name IN ('eval', 'eval_layer', 'eval_head') AND o.run_id = CAST(?1 AS INTEGER);"
    "SELECT group_concat(printf('DELETE FROM metric WHERE run_id = %s AND name LIKE %Q', ?1, '%.' || "
    "figure), ';')"
    " FROM outdated WHERE run_id = CAST(?1 AS INTEGER)";

static bool renew(Store *s, int64_t run, Error *e) {
    char id[24];
    snprintf(id, sizeof id, "%lld", (long long)run);
    return (sql_generated(s->db, renewal_sql, id, NULL) == SQLITE_OK || store_failed(s, "results", e)) &&
           note_versions(s, run, e);
}

bool store_renew(Store *s, int64_t run, Error *e) {
    return store_flush(s, e) && store_begin(s, e) && store_end(s, renew(s, run, e), e);
}

bool store_status(Store *s, int64_t run, const char *status, const char *checkpoint, Error *e) {
    if (!store_flush(s, e)) return false;
    sqlite3_stmt *mark = store_prepare(
        s, e,
        "UPDATE run SET status = ?2, checkpoint = coalesce(?3, checkpoint), heartbeat = " NOW ","
        " finished = CASE WHEN ?2 IN ('queued', 'running') THEN NULL ELSE " NOW " END WHERE id = ?1",
        "itt", run, status, checkpoint);
    return store_finish(s, mark, NULL, e);
}

/* Who claims a run holds its lock before its row says running, and waits for this transaction to
 * say so: a lock found free here is that of a dead process. */
static bool interrupt_dead(Store *s, Error *e) {
    sqlite3_stmt *find = store_prepare(s, e, "SELECT id, key FROM run WHERE status = 'running'", "");
    if (!find) return false;
    bool ok = true;
    int result = SQLITE_DONE;
    while (ok && (result = sqlite3_step(find)) == SQLITE_ROW) {
        if (store_alive(s, column_text(find, 1))) continue;
        sqlite3_stmt *mark = store_prepare(
            s, e,
            "UPDATE run SET status = 'interrupted', finished = coalesce(heartbeat, " NOW ") WHERE id = ?1",
            "i", (int64_t)sqlite3_column_int64(find, 0));
        ok = store_finish(s, mark, NULL, e);
    }
    return store_ended(s, find, ok ? result : SQLITE_DONE, e) && ok;
}

bool store_reap(Store *s, Error *e) {
    return store_begin(s, e) && store_end(s, interrupt_dead(s, e), e);
}

bool store_find(Store *s, const char *prefix, FoundRun *out, Error *e) {
    if (!*prefix) return fail(e, EXIT_USAGE, "runs: an empty KEY is no run's (see `sinklab runs list`)");
    int64_t matches = 0;
    *out = (FoundRun){0};
    sqlite3_stmt *find = store_prepare(
        s, e, "SELECT id, key, origin IS NOT NULL FROM run WHERE substr(key, 1, length(?1)) = ?1", "t",
        prefix);
    if (!find) return false;
    int result;
    while ((result = sqlite3_step(find)) == SQLITE_ROW) {
        matches++;
        out->id = sqlite3_column_int64(find, 0);
        snprintf(out->key, sizeof out->key, "%s", column_text(find, 1));
        out->results = sqlite3_column_int(find, 2);
    }
    if (!store_ended(s, find, result, e)) return false;
    if (matches == 1) return store_key(s, out->key, e);
    if (!matches)
        return fail(e, EXIT_USAGE, "runs: %s: no run's key begins so (see `sinklab runs list`)", prefix);
    return fail(e, EXIT_USAGE, "runs: %s: %lld runs' keys begin so (give more of it)", prefix,
                (long long)matches);
}

bool store_hold(Store *s, const char *key, int *lock, Error *e) {
    char folder[1024];
    if (!store_folder(s, key, folder, e)) return false;
    LockResult taken = lock_take(s, folder, lock, e);
    if (taken == LOCK_OTHERS)
        return fail(e, EXIT_USAGE, "runs: %s: a living process has it (stop that first)", key);
    return taken == LOCK_OURS;
}

bool store_delete(Store *s, const char *key, Error *e) {
    char folder[1024], path[1100];
    int lock = -1;
    if (!store_folder(s, key, folder, e)) return false;
    lock_path(folder, path);
    if (!store_hold(s, key, &lock, e)) return false;
    bool ok =
        store_flush(s, e) &&
        store_finish(s, store_prepare(s, e, "DELETE FROM run WHERE key = ?1", "t", key), NULL, e) &&
        empty_folder(folder, remove_all, e); /* last: files that no row knows of are gone on from by nobody */
    if (ok) unlink(path), rmdir(folder);
    close(lock);
    return ok;
}
