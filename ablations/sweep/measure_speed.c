/* Owns: how fast this machine trains a configuration, from two seconds of it in a process and a database
 * of their own. Does not own: what is made of it (ablations/sweep/plan.c). */
#include "ablations/sweep/plan.h"
#include "ablations/sweep/run_process.h"
#include "data/base/files.h"
#include "train/signals.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_US = 100000, FIRST_STEP_S = 120, MEASURED_S = 2, WARM_STEPS = 2 };

/* The first column of a query on the database at `path`; NAN where there is no answer. */
static double ask(const char *path, const char *sql) {
    Store *s;
    sqlite3_stmt *q = NULL;
    double answer = NAN;
    if (!store_open(&s, path, STORE_READ, NULL)) return NAN;
    if (sqlite3_prepare_v2(store_db(s), sql, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW &&
        sqlite3_column_type(q, 0) != SQLITE_NULL)
        answer = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    store_close(s);
    return answer;
}

/* The run without an end, probes or checkpoints, so that steps are all it does. */
static bool write_endless(const Config *c, const char *path, Error *e) {
    Config endless = *c;
    endless.train.steps = endless.probe.every = endless.run.checkpoint_every = 1 << 30;
    char *json = config_json(&endless, true);
    bool ok =
        json ? file_write(path, json, (int64_t)strlen(json), e) : fail(e, EXIT_FAILED, "plan: out of memory");
    free(json);
    return ok;
}

/* Ctrl-C and its like, which the caller has blocked so that the folder is taken away before anything ends;
 * those that this process was told to ignore are let be, since a signal that is blocked comes even so. */
static sigset_t stop_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < SIGNALS_TO_STOP; i++)
        if (!signals_ignored(signals_to_stop[i])) sigaddset(&set, signals_to_stop[i]);
    return set;
}

/* The signal to stop that came within so many microseconds, or 0 after them. */
static int rest(int64_t us) {
    sigset_t set = stop_signals();
    struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
    int signal;
    while ((signal = sigtimedwait(&set, NULL, &time)) < 0 && errno == EINTR) continue;
    return signal > 0 ? signal : 0;
}

/* Waits until it has made steps and two seconds more, then stops it, unless it ended by itself. Returns the
 * signal that came to this process, or 0. */
static int watch(pid_t pid, const char *db) {
    int status, signal = 0;
    for (int i = 0; i < FIRST_STEP_S * (1000000 / POLL_US) && !signal; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid) return 0;
        if (ask(db, "SELECT max(step) FROM step") > WARM_STEPS) break;
        signal = rest(POLL_US);
    }
    if (!signal) signal = rest(1000000LL * MEASURED_S);
    kill(pid, SIGTERM);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return signal;
}

static bool failed(const char *log, Error *e) {
    Bytes said = {0};
    bool ok = file_read(log, &said, NULL) && bytes_append(&said, "", 1, NULL);
    const char *text = ok ? said.data : "";
    fail(e, EXIT_FAILED, "plan: the run to measure made too few steps: %.*s", (int)strcspn(text, "\n"), text);
    bytes_free(&said);
    return false;
}

static bool measure_in(const char *folder, const PlannedRun *r, const char *cache, double *flops, Error *e) {
    Path config = path_of("%s/config.json", folder), db = path_of("%s/results.db", folder),
         log = path_of("%s/log.txt", folder);
    RunCommand spec = {.config = config.s, .db = db.s, .cache = cache, .quiet = true, .log = log.s};
    pid_t pid;
    char sql[128];
    if (!write_endless(&r->config, config.s, e) || !run_command_start(&spec, &pid, e)) return false;
    int signal = watch(pid, db.s);
    if (signal) return fail(e, 128 + signal, "plan: stopped while it measured");
    snprintf(sql, sizeof sql, "SELECT 1000 / avg(ms) FROM step WHERE step > %d", WARM_STEPS);
    double steps = ask(db.s, sql);
    *flops = steps * (double)r->config.train.batch_tokens * r->size.flops_per_token;
    return isfinite(*flops) ? true : failed(log.s, e);
}

bool plan_measure(const Plan *p, int index, const char *cache, double *flops, Error *e) {
    Path folder;
    sigset_t set = stop_signals(), before;
    sigprocmask(SIG_BLOCK, &set, &before);
    bool made = folder_scratch("plan", &folder, e);
    bool ok = made && measure_in(folder.s, &p->run[index], cache, flops, e);
    if (made) folder_remove(folder.s);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return ok;
}
