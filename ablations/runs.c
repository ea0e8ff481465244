/* sinklab runs: what is in results.db, a remark on it, throwing one away. */
#include "ablations/sweep/known_sweep.h"
#include "ablations/text_table.h"
#include "train/checkpoint/checkpoint.h"
#include "train/commands/command.h"
#include "train/config/did_you_mean.h"
#include "train/store/column.h"
#include "train/store/store.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 1000 };

typedef struct Options {
    const char *db, *sweep, *status, *sort;
    bool json, quiet, yes;
} Options;

/* ---- asking ---- */

/* alive(key) in SQL: whether a living process has that run. */
static void alive_function(sqlite3_context *context, int n, sqlite3_value **values) {
    (void)n;
    const char *key = (const char *)sqlite3_value_text(values[0]);
    sqlite3_result_int(context, key && store_alive(sqlite3_user_data(context), key));
}

/* Prints a query whose parameters, if any, are two integers. */
static bool print_query(Store *s, const char *sql, int64_t first, int64_t second, bool json, Error *e) {
    sqlite3_stmt *rows = table_query(s, sql, NULL, e);
    if (!rows) return false;
    sqlite3_bind_int64(rows, 1, first);
    sqlite3_bind_int64(rows, 2, second);
    bool ok = table_print(stdout, rows, json ? TABLE_JSON : TABLE_TEXT, e);
    sqlite3_finalize(rows);
    return ok;
}

/* ---- subcommands: `words` are what follows the subcommand's name ---- */

/* A run that is called running is so only while its process lives. */
#define STATUS "CASE WHEN status = 'running' AND NOT alive(key) THEN 'interrupted' ELSE status END"

/* ?1: whole keys; ?2, ?3: the sweep and the status asked for, or NULL. cell: what it stands for in its newest
 * sweep. */
static const char list_sql[] =
    "WITH last AS (SELECT run_id, max(step) AS step FROM eval WHERE probe = 'main' GROUP BY run_id)"
    " SELECT CASE WHEN ?1 THEN key ELSE substr(key, 1, 8) END AS key, variant, seed,"
    " (SELECT c.label FROM sweep AS w JOIN sweep_run AS s ON s.sweep = w.id JOIN sweep_cell AS c USING "
    "(sweep,"
    " \"index\") WHERE s.run = run.id AND w.name = coalesce(?2, w.name) ORDER BY w.id DESC LIMIT 1) AS cell,"
    " label, " STATUS " AS status,"
    " (SELECT max(step) FROM step WHERE run_id = run.id) AS step, steps, val_loss, sink_rate_03, "
    "sink_mass,"
    " started, note FROM run LEFT JOIN last ON last.run_id = run.id"
    " LEFT JOIN eval ON eval.run_id = run.id AND eval.step = last.step AND probe = 'main'"
    " WHERE ?2 IS NULL OR run.id IN (SELECT run FROM sweep_run JOIN sweep ON id = sweep WHERE name = ?2)"
    " ORDER BY run.id";

/* " ORDER BY COLUMN" of --sort, "-COLUMN" the other way round; a column is one that the list has. */
static bool sort_clause(sqlite3_stmt *rows, const char *sort, char *out, size_t room, Error *e) {
    enum { COLUMNS = 32 };
    bool down = *sort == '-';
    char hint[192];
    const char *names[COLUMNS + 1] = {NULL};
    for (int i = 0; i < sqlite3_column_count(rows) && i < COLUMNS; i++) {
        const char *name = names[i] = sqlite3_column_name(rows, i);
        if (strcmp(name, sort + down)) continue;
        snprintf(out, room, " ORDER BY \"%s\" IS NULL, \"%s\"%s", name, name, down ? " DESC" : "");
        return true;
    }
    return fail(e, EXIT_USAGE, "runs list: --sort: no column %s%s", sort + down,
                did_you_mean_among(sort + down, names, hint, sizeof hint));
}

static bool status_known(const char *status, Error *e) {
    static const char *const known[] = {"queued", "running",  "done", "interrupted",
                                        "failed", "diverged", NULL};
    char hint[96];
    for (int i = 0; known[i]; i++)
        if (!strcmp(known[i], status)) return true;
    return fail(e, EXIT_USAGE, "runs list: --status: no status %s%s", status,
                did_you_mean_among(status, known, hint, sizeof hint));
}

static bool list(Store *s, const Options *o, char **words, int n, Error *e) {
    (void)words, (void)n;
    char order[160] = "", sql[sizeof list_sql + 256];
    if (!sweep_is_known(s, o->sweep, "runs list", e) || (o->status && !status_known(o->status, e)))
        return false;
    sqlite3_stmt *rows = table_query(s, list_sql, NULL, e);
    bool ok = rows && (!o->sort || sort_clause(rows, o->sort, order, sizeof order, e));
    sqlite3_finalize(rows);
    if (!ok) return false;
    snprintf(sql, sizeof sql, "SELECT * FROM (%s) WHERE status = coalesce(?3, status)%s", list_sql, order);
    if (!(rows = table_query(s, sql, NULL, e))) return false;
    sqlite3_bind_int(rows, 1, o->json);
    sqlite3_bind_text(rows, 2, o->sweep, -1, SQLITE_STATIC);
    sqlite3_bind_text(rows, 3, o->status, -1, SQLITE_STATIC);
    ok = table_print(stdout, rows, o->json ? TABLE_JSON : TABLE_TEXT, e);
    sqlite3_finalize(rows);
    return ok;
}

static const struct Section {
    const char *title, *sql;
} sections[] = {
    {"run",
     "SELECT j.key AS field, j.value FROM (SELECT *, " STATUS " AS now FROM run WHERE id = ?1) AS r,"
     " json_each(json_object('key', r.key, 'variant', variant, 'label', label, 'seed', seed,"
     " 'status', now, 'origin', origin, 'steps', steps, 'parameters', parameters, 'flops_per_token', "
     "flops_per_token,"
     " 'corpus', corpus, 'licence', licence, 'host', host, 'cpu', cpu, 'blas_arch', blas_arch,"
     " 'threads', threads, 'git', git, 'checkpoint', checkpoint, 'created', created, 'started', started,"
     " 'finished', finished, 'heartbeat', heartbeat, 'note', note)) AS j WHERE j.value IS NOT NULL"},
    {"config", "SELECT key, value FROM param WHERE run_id = ?1"},
    {"sweeps", "SELECT name, \"index\", NULL AS had_before_an_edit FROM sweep_run JOIN sweep ON id = sweep"
               " WHERE run = ?1 UNION ALL SELECT name, NULL, label FROM sweep_orphan JOIN sweep ON id = sweep"
               " WHERE run = ?1"},
    {"last_evaluation", "SELECT probe, step, T, val_loss, val_loss_1, bits_per_byte, sink_rate_03, "
                        "sink_mass, uniform_mass, max_mass,"
                        " mixing, value_drain, norm_ratio, massive_ratio FROM eval WHERE run_id = ?1"
                        " AND step = (SELECT max(step) FROM eval WHERE run_id = ?1)"},
    {"onset", "SELECT quantity, threshold, last_before, first_after FROM onset WHERE run_id = ?1"},
    {"events", "SELECT kind, detail, count(*) AS times, min(step) AS first, max(step) AS last FROM event"
               " WHERE run_id = ?1 GROUP BY kind, detail ORDER BY first, kind, detail"},
};

static bool show(Store *s, const Options *o, char **words, int n, Error *e) {
    (void)n;
    FoundRun run;
    if (!store_find(s, words[0], &run, e)) return false;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        printf(o->json ? "%s\"%s\": " : "%s%s\n", i ? (o->json ? ", " : "\n") : (o->json ? "{" : ""),
               sections[i].title);
        if (!print_query(s, sections[i].sql, run.id, 0, o->json, e)) return false;
    }
    if (o->json) puts("}");
    return true;
}

static bool diff(Store *s, const Options *o, char **words, int n, Error *e) {
    (void)n;
    static const char sql[] =
        "SELECT coalesce(a.key, b.key) AS key, a.value AS first, b.value AS second"
        " FROM (SELECT key, value FROM param WHERE run_id = ?1) AS a"
        " FULL JOIN (SELECT key, value FROM param WHERE run_id = ?2) AS b ON a.key = b.key"
        " WHERE a.value IS NOT b.value ORDER BY 1";
    FoundRun a, b;
    return store_find(s, words[0], &a, e) && store_find(s, words[1], &b, e) &&
           print_query(s, sql, a.id, b.id, o->json, e);
}

static bool note(Store *s, const Options *o, char **words, int n, Error *e) {
    (void)o, (void)n;
    FoundRun run;
    if (!store_find(s, words[0], &run, e)) return false;
    sqlite3_stmt *set = table_query(s, "UPDATE run SET note = nullif(?2, '') WHERE id = ?1", NULL, e);
    if (!set) return false;
    sqlite3_bind_int64(set, 1, run.id);
    sqlite3_bind_text(set, 2, words[1], -1, SQLITE_STATIC);
    bool ok = sqlite3_step(set) == SQLITE_DONE || store_failed(s, "runs", e);
    sqlite3_finalize(set);
    return ok;
}

/* A whole key without a row, whose files are there: what a delete left that was cut short, or a database that
 * is gone. */
static bool find_files(Store *s, const char *key, int place, FoundRun *out) {
    char folder[1024];
    Error none = {0};
    if (!store_folder(s, key, folder, &none) || access(folder, F_OK)) return false;
    *out = (FoundRun){.id = -1 - place};
    snprintf(out->key, sizeof out->key, "%s", key);
    return true;
}

/* The runs of several words, each once; how many, or -1 on an error. */
static int find_runs(Store *s, char **words, int n, FoundRun *out, Error *e) {
    int found = 0;
    for (int i = 0; i < n; i++) {
        int same = 0;
        if (!store_find(s, words[i], &out[found], e) &&
            (e->code != EXIT_USAGE || !find_files(s, words[i], found, &out[found])))
            return -1;
        while (out[same].id != out[found].id) same++;
        found += same == found;
    }
    return found;
}

/* Looks all runs up before the first is deleted: a mistyped key deletes nothing. */
static bool delete (Store *s, const Options *o, char **words, int n, Error *e) {
    FoundRun run[WORDS_MAX];
    int found = find_runs(s, words, n, run, e);
    for (int i = 0; i < found; i++) {
        if (!store_delete(s, run[i].key, e)) return false;
        if (!o->quiet) printf("deleted %s\n", run[i].key);
    }
    return found >= 0;
}

static bool prune_run(Store *s, const Options *o, const char *key, double *freed, Error *e) {
    char folder[1024];
    int lock, removed;
    int64_t bytes;
    if (!store_folder(s, key, folder, e)) return false;
    if (access(folder, F_OK)) return true; /* its files are elsewhere */
    if (!store_hold(s, key, &lock, e)) return false;
    bool ok = checkpoint_prune(folder, &removed, &bytes, e);
    close(lock);
    if (!o->quiet && removed)
        printf("%.8s: removed %d checkpoint%s, freed %.1f MB\n", key, removed, removed > 1 ? "s" : "",
               (double)bytes * 1e-6);
    *freed += (double)bytes;
    return ok;
}

/* The keys of all runs, as one text of words. */
static bool all_runs(Store *s, char **keys, Error *e) {
    sqlite3_stmt *rows = table_query(s, "SELECT coalesce(group_concat(key, ' '), '') FROM run", NULL, e);
    if (!rows) return false;
    bool ok = sqlite3_step(rows) == SQLITE_ROW || store_failed(s, "runs", e);
    *keys = ok ? strdup(column_text(rows, 0)) : NULL;
    sqlite3_finalize(rows);
    return ok && (*keys || fail(e, EXIT_FAILED, "runs: out of memory"));
}

/* Of the runs named, looked up first as for `delete`; of all only with --yes. */
static bool prune(Store *s, const Options *o, char **words, int n, Error *e) {
    FoundRun run[WORDS_MAX];
    char *keys = NULL, *save = NULL;
    double freed = 0;
    if (!n && !o->yes)
        return fail(e, EXIT_USAGE,
                    "runs prune: expected a KEY, or --yes for all runs (the last checkpoint of each stays)");
    int found = find_runs(s, words, n, run, e);
    bool ok = found >= 0 && (n || all_runs(s, &keys, e));
    for (int i = 0; ok && i < found; i++) ok = prune_run(s, o, run[i].key, &freed, e);
    for (char *key = keys ? strtok_r(keys, " ", &save) : NULL; ok && key; key = strtok_r(NULL, " ", &save))
        ok = prune_run(s, o, key, &freed, e);
    free(keys);
    if (ok && !o->quiet) printf("freed %.1f MB\n", freed * 1e-6);
    return ok;
}

/* ---- the command ---- */

static const struct Subcommand {
    const char *name, *usage;
    int least, most; /* words */
    StoreMode mode;
    bool (*run)(Store *s, const Options *o, char **words, int n, Error *e);
} subcommands[] = {
    {"list", "list [--sweep NAME] [--status STATUS] [--sort COLUMN]", 0, 0, STORE_READ, list},
    {"show", "show KEY", 1, 1, STORE_READ, show},
    {"diff", "diff KEY KEY", 2, 2, STORE_READ, diff},
    {"note", "note KEY TEXT", 2, 2, STORE_WRITE, note},
    {"prune", "prune [KEY ...] [--yes]", 0, WORDS_MAX, STORE_READ, prune},
    {"delete", "delete KEY ...", 1, WORDS_MAX, STORE_WRITE, delete},
};

enum { SUBCOMMANDS = sizeof subcommands / sizeof *subcommands };

static const struct Subcommand *find_subcommand(const char *name, Error *e) {
    const char *names[SUBCOMMANDS + 1] = {NULL};
    char hint[96];
    for (int i = 0; i < SUBCOMMANDS; i++) {
        names[i] = subcommands[i].name;
        if (!strcmp(name, names[i])) return &subcommands[i];
    }
    fail(e, EXIT_USAGE, "runs: unknown action %s%s", name,
         did_you_mean_among(name, names, hint, sizeof hint));
    return NULL;
}

static int runs(int argc, char **argv, Error *e) {
    Options o = {.db = "results.db"};
    const Flag flags[] = {{"--db", FLAG_TEXT, &o.db},       {"--json", FLAG_BOOL, &o.json},
                          {"--quiet", FLAG_BOOL, &o.quiet}, {"--yes", FLAG_BOOL, &o.yes},
                          {"--sweep", FLAG_TEXT, &o.sweep}, {"--status", FLAG_TEXT, &o.status},
                          {"--sort", FLAG_TEXT, &o.sort},   {NULL, FLAG_BOOL, NULL}};
    int n = 0;
    if (!flags_read(flags, argc, argv, &n, e)) return EXIT_USAGE;
    if (!n) return fail(e, EXIT_USAGE, "runs: expected list, show, diff, note, prune or delete"), EXIT_USAGE;
    const struct Subcommand *sub = find_subcommand(argv[0], e);
    if (!sub) return EXIT_USAGE;
    if ((o.sweep || o.status || o.sort) && sub->run != list)
        return fail(e, EXIT_USAGE, "runs %s: --sweep, --status and --sort are for list", sub->name),
               EXIT_USAGE;
    if (n - 1 < sub->least || n - 1 > sub->most)
        return fail(e, EXIT_USAGE, "runs %s: expected `sinklab runs %s`", sub->name, sub->usage), EXIT_USAGE;
    Store *s;
    /* Writing would make a database that is not there; reading says that it is missing. */
    StoreMode mode = access(o.db, F_OK) ? STORE_READ : sub->mode;
    Error failure = {0};
    bool ok = store_open(&s, o.db, mode, &failure);
    if (ok) {
        sqlite3_create_function(store_db(s), "alive", 1, SQLITE_UTF8, s, alive_function, NULL, NULL);
        ok = sub->run(s, &o, argv + 1, n - 1, &failure);
        store_close(s);
    }
    if (!ok && e) *e = failure;
    return ok ? EXIT_DONE : failure.code;
}

const Command runs_command = {
    .name = "runs",
    .usage = "list | show KEY | diff KEY KEY | note KEY TEXT | prune KEY ... | delete KEY ...",
    .summary = "what is in results.db",
    .options = "KEY is a run's key or any beginning of it that no other run's has\n"
               "prune removes the checkpoints that run.keep kept, all but the last\n"
               "\n"
               "  --sweep NAME     list: the runs of one sweep\n"
               "  --status STATUS  list: done, running, interrupted, failed, diverged or queued ones\n"
               "  --sort COLUMN    list: by val_loss, sink_rate_03, ...; --sort=-COLUMN: the largest first\n"
               "  --db PATH        the database (results.db)\n"
               "  --json           figures with full precision\n"
               "  --yes            prune: all runs\n"
               "  --quiet          say nothing but what was asked for\n",
    .run = runs,
};
