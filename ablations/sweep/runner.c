#include "ablations/sweep/runner.h"

#include "ablations/sweep/progress_table.h"
#include "ablations/sweep/run_process.h"
#include "ablations/text_table.h"
#include "data/base/files.h"
#include "train/host.h"
#include "train/signals.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL_MODEL = 16000000, TICK_MS = 1000 };

typedef enum State { RUN_WAITING, RUN_GOING, RUN_OVER } State;

/* Whether the judging seeds of a cell are to be run. */
typedef enum Gate { GATE_OPEN, GATE_WAITING, GATE_CLOSED } Gate;

typedef struct Slot {
    pid_t pid; /* 0: free */
    int run;
    int64_t log_start; /* bytes that the run's log had when this attempt began */
} Slot;

typedef struct Runner {
    Plan *p;
    Store *s;
    const RunnerOptions *o;
    State *state;  /* [runs] */
    bool *retried; /* [runs]: was locked by another process, then free: has had its one more try */
    Gate *gate;    /* [cells] */
    Slot *slot;    /* [jobs] */
    int jobs, cores, stopped;
    int shares; /* into which the cores are cut at the moment: `jobs`, or fewer for the last runs */
    ProgressTable table;
    sigset_t signals, before;
} Runner;

/* ---- what is to be done ---- */

static bool is_status(const PlannedRun *r, const char *status) {
    return !strcmp(r->status, status);
}

/* Whether a run that ended badly is left alone, since nobody asked to try again. */
static bool is_kept(const PlannedRun *r, bool retry) {
    return !retry && (is_status(r, "failed") || is_status(r, "diverged"));
}

static bool is_wanted(const Plan *p, const RunnerOptions *o, int i) {
    return (o->only < 0 || o->only == i) && !is_status(&p->run[i], "done") && !is_kept(&p->run[i], o->retry);
}

int runner_jobs(const Plan *p, const RunnerOptions *o) {
    int cores = host_cores(), missing = 0;
    if (o->jobs) return o->jobs;
    for (int i = 0; i < p->runs; i++) {
        if (!is_wanted(p, o, i)) continue;
        missing++;
        if (p->run[i].size.parameters > SMALL_MODEL) return 1;
    }
    return missing >= cores ? cores : 1;
}

/* The gates of cells, if the sweep in the database is the one planned here: of this text, with this run
 * first. */
static const char gates_sql[] =
    "SELECT DISTINCT c.cell, h.open > 0, c.cell = h.cell FROM sweep_cell AS c"
    " JOIN sweep_choice AS h USING (sweep, side, stratum) JOIN sweep AS w ON w.id = c.sweep"
    " JOIN sweep_run AS s ON s.sweep = w.id AND s.\"index\" = 0 JOIN run AS r ON r.id = s.run"
    " WHERE w.name = ?1 AND w.file = ?2 AND r.key = ?3";

/* Reads which cells the tuning seeds have chosen. */
static bool read_gates(Runner *r, Error *e) {
    const Sweep *sweep = r->p->sweep;
    int result, rows = 0;
    if (r->o->only >= 0 || !sweep_is_tuned(sweep)) return true;
    sqlite3_stmt *q = table_query(r->s, gates_sql, sweep->name, e);
    if (!q) return false;
    sqlite3_bind_text(q, 2, sweep->text, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 3, r->p->run[0].key, -1, SQLITE_STATIC);
    for (; (result = sqlite3_step(q)) == SQLITE_ROW; rows++) {
        bool open = sqlite3_column_int(q, 1), chosen = sqlite3_column_int(q, 2);
        r->gate[sqlite3_column_int(q, 0)] = open ? GATE_WAITING : chosen ? GATE_OPEN : GATE_CLOSED;
    }
    sqlite3_finalize(q);
    if (result != SQLITE_DONE) return store_failed(r->s, "results: sweep", e);
    return rows || fail(e, EXIT_FAILED,
                        "sweep: %s: another process has registered other runs of it (run the edited file "
                        "again)",
                        sweep->name);
}

static Gate gate_of(const Runner *r, int i) {
    return sweep_judges(r->p->sweep, i) ? r->gate[sweep_cell(r->p->sweep, i)] : GATE_OPEN;
}

/* The first run that can start now, or -1. Looks at the database again: others may be at work on it. */
static bool next_run(Runner *r, int *out, Error *e) {
    *out = -1;
    for (int i = 0; i < r->p->runs; i++) {
        if (r->state[i] != RUN_WAITING || gate_of(r, i) != GATE_OPEN) continue;
        if (!plan_look_at(r->p, i, r->s, e)) return false;
        if (is_status(&r->p->run[i], "alive")) continue;
        if (!is_wanted(r->p, r->o, i)) {
            r->state[i] = RUN_OVER;
            if (!read_gates(r, e)) return false; /* the one who ended it may have opened one further up */
            i = -1;
            continue;
        }
        *out = i;
        return true;
    }
    return true;
}

/* ---- counts ---- */

typedef struct Counts {
    int done, going, waiting, elsewhere, blocked, stopped, idle, bad, unneeded;
} Counts;

static void count_waiting(const Runner *r, int i, Counts *c) {
    if (gate_of(r, i) == GATE_CLOSED)
        c->unneeded++;
    else if (gate_of(r, i) == GATE_WAITING)
        c->blocked++;
    else if (is_status(&r->p->run[i], "alive"))
        c->elsewhere++;
    else
        c->waiting++;
}

static Counts count(const Runner *r) {
    Counts c = {0};
    for (int i = 0; i < r->p->runs; i++) {
        if (r->o->only >= 0 && r->o->only != i) continue;
        if (r->state[i] == RUN_GOING)
            c.going++;
        else if (is_status(&r->p->run[i], "done"))
            c.done++;
        else if (r->state[i] != RUN_OVER)
            count_waiting(r, i, &c);
        else if (is_status(&r->p->run[i], "interrupted"))
            c.stopped++;
        else if (is_status(&r->p->run[i], "failed") || is_status(&r->p->run[i], "diverged"))
            c.bad++;
        else
            c.idle++;
    }
    return c;
}

static void describe(const Runner *r, char *text, size_t room) {
    Counts c = count(r);
    int n =
        snprintf(text, room, "%d of %d done, %d going", c.done, r->o->only >= 0 ? 1 : r->p->runs, c.going);
    const struct {
        int n;
        const char *what;
    } more[] = {{c.waiting, "to do"},
                {c.blocked, "waiting for the seeds that tune"},
                {c.unneeded, "not needed (tuned away)"},
                {c.elsewhere, "in another process"},
                {c.stopped, "interrupted"},
                {c.idle, "not started"},
                {c.bad, "failed or diverged (--retry tries them again)"}};
    for (size_t i = 0; i < sizeof more / sizeof *more && n < (int)room; i++)
        if (more[i].n) n += snprintf(text + n, room - (size_t)n, ", %d %s", more[i].n, more[i].what);
}

static void draw(Runner *r) {
    int *going = calloc((size_t)r->jobs, sizeof *going), n = 0;
    char counts[256];
    if (!going || r->jobs == 1) {
        free(going);
        return; /* a single run draws its own line */
    }
    for (int k = 0; k < r->jobs; k++)
        if (r->slot[k].pid) going[n++] = r->slot[k].run;
    describe(r, counts, sizeof counts);
    progress_table_draw(&r->table, r->p, r->s, going, n, counts);
    free(going);
}

/* ---- starting ---- */

/* Writes a run's configuration as a whole file: the process of another sweep may be reading the old one. */
static bool write_config(const PlannedRun *run, int threads, const char *folder, Path *path, Error *e) {
    Config c = run->config;
    if (threads) c.run.threads = threads;
    *path = path_of("%s/config.json", folder);
    char *json = config_json(&c, true);
    bool ok = json ? folder_make(folder, e) && file_replace(path->s, json, (int64_t)strlen(json), e)
                   : fail(e, EXIT_FAILED, "sweep: out of memory");
    free(json);
    return ok;
}

/* Cores are cut into shares as even as can be. */
static bool start_run(Runner *r, int slot, int i, Error *e) {
    const PlannedRun *run = &r->p->run[i];
    bool alone = r->jobs == 1;
    int first = slot * r->cores / r->shares, after = (slot + 1) * r->cores / r->shares;
    char folder[1024], name[LABEL_TEXT + 32];
    if (!store_folder(r->s, run->key, folder, e)) return false;
    progress_table_name(r->p, i, name);
    Path config, log = path_of("%s/log.txt", folder);
    if (!write_config(run, alone ? 0 : after - first, folder, &config, e)) return false;
    RunCommand spec = {.config = config.s,
                       .db = r->o->db,
                       .cache = r->o->cache,
                       .name = name,
                       .retry = r->o->retry,
                       .quiet = !alone || r->o->quiet,
                       .log = alone ? NULL : log.s,
                       .first_core = first,
                       .cores = alone ? 0 : after - first};
    struct stat before;
    Slot taken = {0, i, stat(log.s, &before) ? 0 : before.st_size};
    if (!run_command_start(&spec, &taken.pid, e)) return false;
    r->slot[slot] = taken;
    r->state[i] = RUN_GOING;
    return true;
}

static void announce(Runner *r, int i) {
    char name[LABEL_TEXT + 32], counts[256];
    if (r->jobs > 1) return;
    describe(r, counts, sizeof counts);
    progress_table_say(&r->table, "%s  (%s)", progress_table_name(r->p, i, name), counts);
}

/* Whether every running run has made half of its steps. */
static bool nearly_over(Runner *r, bool *yes, Error *e) {
    *yes = true;
    for (int k = 0; k < r->jobs; k++) {
        int i = r->slot[k].run;
        if (!r->slot[k].pid) continue;
        if (!plan_look_at(r->p, i, r->s, e)) return false;
        *yes = *yes && 2 * r->p->run[i].step >= r->p->run[i].config.train.steps;
    }
    return true;
}

/* Few runs that are left share all cores among them, once those that are going have ended: at twice the
 * threads a run takes more than half of its time but less than all of it, so that it pays to wait for runs
 * that are nearly over. While any run goes the cut stays, so that no core is given twice. */
static bool hold_back(Runner *r, bool *held, Error *e) {
    Counts c = count(r);
    *held = false;
    if (!c.going) r->shares = c.waiting && c.waiting < r->jobs ? c.waiting : r->jobs;
    if (!c.going || !c.waiting || c.blocked || 2 * c.waiting > r->jobs) return true;
    return nearly_over(r, held, e);
}

static bool fill_slots(Runner *r, Error *e) {
    bool held;
    if (!store_in_place(r->s, e)) return false; /* a run would make a new database there */
    if (!hold_back(r, &held, e)) return false;
    if (held) return true;
    for (int k = 0; k < r->shares; k++) {
        int next;
        if (r->slot[k].pid) continue;
        if (!next_run(r, &next, e)) return false;
        if (next < 0) return true;
        announce(r, next);
        if (!start_run(r, k, next, e)) return false;
    }
    return true;
}

/* ---- ending ---- */

/* The last that a run with a log has said of itself, not of its progress, since it was started; "" where it
 * spoke to the terminal. */
static void last_words(const Runner *r, int i, int64_t from, char *text, size_t room) {
    static const char said[] = "sinklab: ";
    Bytes log = {0};
    Path path = path_of("%s.d/%s/log.txt", store_path(r->s), r->p->run[i].key);
    text[0] = 0;
    if (r->jobs == 1) return;
    snprintf(text, room, ": no word of it in %.400s (is the disk full?)", path.s);
    char *rest = file_read(path.s, &log, NULL) && bytes_append(&log, "", 1, NULL) && from < log.size
                     ? log.data + from
                     : NULL;
    for (char *line; (line = strsep(&rest, "\r\n"));)
        if (!strncmp(line, said, sizeof said - 1)) snprintf(text, room, ": %s", line + sizeof said - 1);
    bytes_free(&log);
}

/* Another process has the run, or had it when ours came for it and has died since. The latter is believed
 * once: a run that cannot even say that it failed looks the same. */
static bool was_elsewhere(Runner *r, int i, int status) {
    if (is_status(&r->p->run[i], "alive")) return true;
    if (r->retried[i] || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_FAILED ||
        !is_status(&r->p->run[i], "interrupted"))
        return false;
    return r->retried[i] = true;
}

static bool run_ended(Runner *r, int slot, int status, Error *e) {
    char name[LABEL_TEXT + 32], words[512];
    int i = r->slot[slot].run;
    r->slot[slot].pid = 0;
    r->state[i] = RUN_OVER; /* it goes no more, whether the database answers or not */
    if (!plan_look_at(r->p, i, r->s, e)) return false;
    PlannedRun *run = &r->p->run[i];
    if (was_elsewhere(r, i, status)) r->state[i] = RUN_WAITING; /* another process was faster */
    bool done = is_status(run, "done");
    if (r->stopped || r->state[i] == RUN_WAITING || (done && r->jobs == 1)) return read_gates(r, e);
    last_words(r, i, r->slot[slot].log_start, words, sizeof words);
    if (WIFSIGNALED(status)) snprintf(words, sizeof words, ": killed by signal %d", WTERMSIG(status));
    if (done) progress_table_figures(r->p, i, r->s, words, sizeof words);
    progress_table_say(&r->table, "%s  %s  %.8s%s", done ? "done" : run->status,
                       progress_table_name(r->p, i, name), run->key, words);
    return read_gates(r, e);
}

static bool reap(Runner *r, Error *e) {
    for (int k = 0; k < r->jobs; k++) {
        int status;
        if (r->slot[k].pid && waitpid(r->slot[k].pid, &status, WNOHANG) == r->slot[k].pid &&
            !run_ended(r, k, status, e))
            return false;
    }
    return true;
}

static void tell_all(const Runner *r, int signal) {
    for (int k = 0; k < r->jobs; k++)
        if (r->slot[k].pid) kill(r->slot[k].pid, signal);
}

/* Sleeps until a run ends, a signal to stop comes, or it is time to draw. */
static void wait_a_while(Runner *r) {
    struct timespec tick = {.tv_sec = TICK_MS / 1000, .tv_nsec = TICK_MS % 1000 * 1000000L};
    int signal = sigtimedwait(&r->signals, NULL, &tick);
    if (signal < 0 || signal == SIGCHLD) return;
    if (!r->stopped)
        progress_table_say(&r->table, "stopping: every run saves itself and can be gone on with");
    r->stopped = signal;
    tell_all(r, signal);
}

/* Runs that were started are waited for even when something fails. */
static bool loop(Runner *r, Error *e) {
    bool ok = read_gates(r, e);
    for (;;) {
        if (ok && !r->stopped) ok = fill_slots(r, e);
        if (!ok) tell_all(r, SIGTERM);
        Counts c = count(r);
        bool more = ok && !r->stopped && c.elsewhere;
        if (!c.going && !more) return ok;
        draw(r);
        wait_a_while(r);
        ok = reap(r, ok ? e : NULL) && ok;
    }
}

/* ---- the whole ---- */

static bool runner_open(Runner *r, Error *e) {
    r->cores = host_cores();
    r->shares = r->jobs = runner_jobs(r->p, r->o);
    r->table = (ProgressTable){.terminal = isatty(1), .quiet = r->o->quiet};
    if (r->jobs > r->cores)
        return fail(e, EXIT_USAGE,
                    "command line: --jobs %d on %d core%s (runs times threads must not exceed cores)",
                    r->jobs, r->cores, r->cores > 1 ? "s" : "");
    r->state = calloc((size_t)r->p->runs, sizeof *r->state);
    r->retried = calloc((size_t)r->p->runs, sizeof *r->retried);
    r->gate = calloc((size_t)r->p->sweep->combinations, sizeof *r->gate);
    r->slot = calloc((size_t)r->jobs, sizeof *r->slot);
    r->table.tenth = calloc((size_t)r->p->runs, sizeof *r->table.tenth);
    if (!r->state || !r->retried || !r->gate || !r->slot || !r->table.tenth)
        return fail(e, EXIT_FAILED, "sweep: out of memory");
    for (int i = 0; i < r->p->runs; i++) r->state[i] = is_wanted(r->p, r->o, i) ? RUN_WAITING : RUN_OVER;
    /* Blocked, they wait until sigtimedwait takes them: no handler, no race. */
    sigemptyset(&r->signals);
    sigaddset(&r->signals, SIGCHLD);
    for (int i = 0; i < SIGNALS_TO_STOP; i++)
        if (!signals_ignored(signals_to_stop[i])) sigaddset(&r->signals, signals_to_stop[i]);
    sigprocmask(SIG_BLOCK, &r->signals, &r->before);
    return true;
}

int runner_run(Plan *p, Store *s, const RunnerOptions *o, Error *e) {
    Runner r = {.p = p, .s = s, .o = o};
    char counts[256];
    signals_as_errors(); /* who reads the progress may have seen enough */
    bool opened = runner_open(&r, e), ok = opened && loop(&r, e);
    if (opened) {
        describe(&r, counts, sizeof counts);
        progress_table_say(&r.table, "%s: %s", p->sweep->name, counts);
        sigprocmask(SIG_SETMASK, &r.before, NULL);
    }
    Counts c = opened ? count(&r) : (Counts){0};
    free(r.state);
    free(r.retried);
    free(r.gate);
    free(r.slot);
    free(r.table.tenth);
    if (!ok) return e->code;
    if (r.stopped) return 128 + r.stopped;
    if (!(c.bad || c.stopped || c.idle || c.waiting || c.blocked)) return EXIT_DONE;
    if (o->quiet) fprintf(stderr, "sinklab: %s: %s\n", p->sweep->name, counts);
    return EXIT_FAILED;
}
