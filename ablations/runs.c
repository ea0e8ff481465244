/* sinklab runs: what is in results.db, a remark on it, throwing one away. */
#include "ablations/text_table.h"
#include "train/commands/command.h"
#include "train/store/store.h"

#include <string.h>
#include <unistd.h>

enum { KEY_TEXT = 64, WORDS_MAX = 1000 };

typedef struct Options {
    const char *db;
    bool json, quiet;
} Options;

typedef struct Found {
    int64_t id;
    char key[KEY_TEXT];
} Found;

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

/* The one run whose key begins so. All begin with "", which is a script's variable that was never set. */
static bool find_run(Store *s, const char *prefix, Found *out, Error *e) {
    if (!*prefix) return fail(e, EXIT_USAGE, "runs: an empty KEY is no run's (see `sinklab runs list`)");
    sqlite3_stmt *rows =
        table_query(s, "SELECT id, key, count(*) FROM run WHERE substr(key, 1, length(?1)) = ?1", prefix, e);
    if (!rows) return false;
    if (sqlite3_step(rows) != SQLITE_ROW) {
        sqlite3_finalize(rows);
        return store_failed(s, "runs", e);
    }
    int matches = sqlite3_column_int(rows, 2);
    if (matches == 1) {
        out->id = sqlite3_column_int64(rows, 0);
        snprintf(out->key, sizeof out->key, "%s", (const char *)sqlite3_column_text(rows, 1));
    }
    sqlite3_finalize(rows);
    if (matches == 1) return store_key(s, out->key, e);
    if (!matches)
        return fail(e, EXIT_USAGE, "runs: %s: no run's key begins so (see `sinklab runs list`)", prefix);
    return fail(e, EXIT_USAGE, "runs: %s: %d runs' keys begin so (give more of it)", prefix, matches);
}

/* ---- subcommands: `words` are what follows the subcommand's name ---- */

/* A run that is called running is so only while its process lives. */
#define STATUS "CASE WHEN status = 'running' AND NOT alive(key) THEN 'interrupted' ELSE status END"

static bool list(Store *s, const Options *o, char **words, int n, Error *e) {
    (void)words, (void)n;
    static const char sql[] =
        "WITH last AS (SELECT run_id, max(step) AS step FROM eval WHERE probe = 'main' GROUP BY run_id)"
        " SELECT CASE WHEN ?1 THEN key ELSE substr(key, 1, 8) END AS key, variant, seed, label, " STATUS
        " AS status,"
        " (SELECT max(step) FROM step WHERE run_id = run.id) AS step, steps, val_loss, sink_rate_03, "
        "sink_mass,"
        " started, note FROM run LEFT JOIN last ON last.run_id = run.id"
        " LEFT JOIN eval ON eval.run_id = run.id AND eval.step = last.step AND probe = 'main' ORDER BY "
        "run.id";
    return print_query(s, sql, o->json, 0, o->json, e);
}

static const struct Section {
    const char *title, *sql;
} sections[] = {
    {"run",
     "SELECT j.key AS field, j.value FROM (SELECT *, " STATUS " AS now FROM run WHERE id = ?1) AS r,"
     " json_each(json_object('key', r.key, 'variant', variant, 'label', label, 'seed', seed,"
     " 'status', now, 'steps', steps, 'parameters', parameters, 'flops_per_token', flops_per_token,"
     " 'corpus', corpus, 'licence', licence, 'host', host, 'cpu', cpu, 'blas_arch', blas_arch,"
     " 'threads', threads, 'git', git, 'checkpoint', checkpoint, 'created', created, 'started', started,"
     " 'finished', finished, 'heartbeat', heartbeat, 'note', note)) AS j WHERE j.value IS NOT NULL"},
    {"config", "SELECT key, value FROM param WHERE run = ?1"},
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
    Found run;
    if (!find_run(s, words[0], &run, e)) return false;
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
    static const char sql[] = "SELECT coalesce(a.key, b.key) AS key, a.value AS first, b.value AS second"
                              " FROM (SELECT key, value FROM param WHERE run = ?1) AS a"
                              " FULL JOIN (SELECT key, value FROM param WHERE run = ?2) AS b ON a.key = b.key"
                              " WHERE a.value IS NOT b.value ORDER BY 1";
    Found a, b;
    return find_run(s, words[0], &a, e) && find_run(s, words[1], &b, e) &&
           print_query(s, sql, a.id, b.id, o->json, e);
}

static bool note(Store *s, const Options *o, char **words, int n, Error *e) {
    (void)o, (void)n;
    Found run;
    if (!find_run(s, words[0], &run, e)) return false;
    sqlite3_stmt *set = table_query(s, "UPDATE run SET note = nullif(?2, '') WHERE id = ?1", NULL, e);
    if (!set) return false;
    sqlite3_bind_int64(set, 1, run.id);
    sqlite3_bind_text(set, 2, words[1], -1, SQLITE_STATIC);
    bool ok = sqlite3_step(set) == SQLITE_DONE || store_failed(s, "runs", e);
    sqlite3_finalize(set);
    return ok;
}

/* The runs of several words, each once; how many, or -1 on an error. */
static int find_runs(Store *s, char **words, int n, Found *out, Error *e) {
    int found = 0;
    for (int i = 0; i < n; i++) {
        int same = 0;
        if (!find_run(s, words[i], &out[found], e)) return -1;
        while (out[same].id != out[found].id) same++;
        found += same == found;
    }
    return found;
}

/* Looks all runs up before the first is deleted: a mistyped key deletes nothing. */
static bool delete (Store *s, const Options *o, char **words, int n, Error *e) {
    Found run[WORDS_MAX];
    int found = find_runs(s, words, n, run, e);
    for (int i = 0; i < found; i++) {
        if (!store_delete(s, run[i].key, e)) return false;
        if (!o->quiet) printf("deleted %s\n", run[i].key);
    }
    return found >= 0;
}

/* ---- the command ---- */

static const struct Subcommand {
    const char *name, *usage;
    int least, most; /* words */
    StoreMode mode;
    bool (*run)(Store *s, const Options *o, char **words, int n, Error *e);
} subcommands[] = {
    {"list", "list", 0, 0, STORE_READ, list},
    {"show", "show KEY", 1, 1, STORE_READ, show},
    {"diff", "diff KEY KEY", 2, 2, STORE_READ, diff},
    {"note", "note KEY TEXT", 2, 2, STORE_WRITE, note},
    {"delete", "delete KEY ...", 1, WORDS_MAX, STORE_WRITE, delete},
};

static const struct Subcommand *find_subcommand(const char *name) {
    for (size_t i = 0; i < sizeof subcommands / sizeof *subcommands; i++)
        if (!strcmp(subcommands[i].name, name)) return &subcommands[i];
    return NULL;
}

static int runs(int argc, char **argv, Error *e) {
    Options o = {.db = "results.db"};
    const Flag flags[] = {{"--db", FLAG_TEXT, &o.db},
                          {"--json", FLAG_BOOL, &o.json},
                          {"--quiet", FLAG_BOOL, &o.quiet},
                          {NULL, FLAG_BOOL, NULL}};
    int n = 0;
    if (!flags_read(flags, argc, argv, &n, e)) return EXIT_USAGE;
    const struct Subcommand *sub = n ? find_subcommand(argv[0]) : NULL;
    if (!sub) return fail(e, EXIT_USAGE, "runs: expected list, show, diff, note or delete"), EXIT_USAGE;
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
    .usage = "list | show KEY | diff KEY KEY | note KEY TEXT | delete KEY ...",
    .summary = "what is in results.db",
    .options = "KEY is a run's key or any beginning of it that no other run's has\n"
               "--db PATH   the database (results.db)\n"
               "--json      figures with full precision\n"
               "--quiet     say nothing but what was asked for\n",
    .run = runs,
};
