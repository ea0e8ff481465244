/* sinklab merge: folds other databases, and folders of results files, into one, run by run, by their keys.
 * Doing it twice changes nothing.
 *
 * A run that the other database has taken further replaces what is here, rows in one transaction, then its
 * newest checkpoint that can be read, copied beside those here. A run that has ended in both must have the
 * same digest; when it has not, ours stays and the difference is an error. Runs that a living process has are
 * left out. Rows come before files: a merge that dies between leaves a run whose files the next merge brings.
 *
 * A run of results files (ablations/sweep/results.h) gives way to the same run of a database, which has all
 * of its rows, and replaces what earlier results files said of it.
 */
#include "ablations/sweep/known_sweep.h"
#include "ablations/sweep/results.h"
#include "ablations/sweep/student_t.h"
#include "data/base/files.h"
#include "data/base/listing.h"
#include "train/checkpoint/checkpoint.h"
#include "train/commands/command.h"
#include "train/store/column.h"
#include "train/store/schema.h"
#include "train/store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_BYTES = 33 }; /* with its NUL */

typedef enum Outcome {
    MERGE_NEW,
    MERGE_FURTHER,
    MERGE_KNOWN,
    MERGE_ALIVE,
    MERGE_CONFLICT,
    MERGE_OTHERWISE, /* of results files: other bits came out here, as they do on another kind of CPU */
    OUTCOMES
} Outcome;

typedef struct Merge {
    Store *into, *from;
    const char *name; /* of the other, for people */
    int runs[OUTCOMES];
    bool quiet;
} Merge;

/* ---- statements on our database, to which the other is attached as `other` ---- */

/* Runs one statement whose parameter, if it has one, is the key. The first column of its row goes to `text`
 * (NULL: nobody wants it), which is left alone where there is no row. */
static bool execute(Merge *m, const char *sql, const char *key, char *text, size_t room, Error *e) {
    sqlite3_stmt *q = NULL;
    int result;
    if (sqlite3_prepare_v2(store_db(m->into), sql, -1, &q, NULL) != SQLITE_OK)
        return store_failed(m->into, "merge", e);
    sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
    while ((result = sqlite3_step(q)) == SQLITE_ROW) {
        const char *value = column_text(q, 0);
        if (text && value) snprintf(text, room, "%s", value);
    }
    sqlite3_finalize(q);
    return result == SQLITE_DONE || store_failed(m->into, "merge", e);
}

static bool transaction(Merge *m, bool (*work)(Merge *, const char *key, Error *), const char *key,
                        Error *e) {
    if (!execute(m, "BEGIN IMMEDIATE", NULL, NULL, 0, e)) return false;
    if (work(m, key, e) && execute(m, "COMMIT", NULL, NULL, 0, e)) return true;
    sqlite3_exec(store_db(m->into), "ROLLBACK", NULL, NULL, NULL);
    return false;
}

/* ---- the rows of a run ---- */

/* Queries that answer with SQL (train/store/schema.h). ?1: the run's key, ?2: a pattern for the names of
 * tables. */
#define ID(schema) "(SELECT id FROM " schema ".run WHERE key = ?1)"

/* Every table whose rows are a run's: our rows go; theirs come where there is none of ours. */
#define OF_TABLES                                                                                            \
    " FROM main.sqlite_schema AS s WHERE s.type = 'table' AND s.name LIKE coalesce(?2, '%')"                 \
    " AND EXISTS (SELECT 1 FROM pragma_table_info(s.name) WHERE name = 'run_id')"
static const char delete_sql[] =
    "SELECT group_concat(printf('DELETE FROM main.\"%w\"', name) || ' WHERE run_id = ' || " ID(
        "main") ", ';')" OF_TABLES;
#define COLUMNS                                                                                              \
    "(SELECT group_concat(printf(', \"%w\"', name), '') FROM pragma_table_info(s.name) WHERE name <> "       \
    "'run_id')"
static const char add_sql[] =
    "SELECT group_concat(printf('INSERT OR IGNORE INTO main.\"%w\"', name) || ' (run_id' || " COLUMNS
    " || ') SELECT ' ||"
    " " ID("main") " || " COLUMNS " || printf(' FROM other.\"%w\"', name) || ' WHERE run_id = ' || " ID(
        "other") ", ';')" OF_TABLES;

/* The run's own row, without its checkpoint, which is one of the other's files until it has been copied. */
static const char run_sql[] =
    "SELECT 'INSERT INTO main.run (key, ' || c || ') SELECT key, ' || c || ' FROM other.run WHERE key = ' ||"
    " quote(?1) || ' ON CONFLICT (key) DO UPDATE SET (' || c || ') = (' || x || ')'"
    " FROM (SELECT group_concat(name) AS c, group_concat('excluded.' || name) AS x"
    " FROM pragma_table_info('run') WHERE name NOT IN ('id', 'key', 'note', 'checkpoint'))";

static const char sweep_sql[] =
    "SELECT 'INSERT OR IGNORE INTO main.sweep (' || c || ') SELECT ' || c || ' FROM other.sweep'"
    " FROM (SELECT group_concat(name) AS c FROM pragma_table_info('sweep') WHERE name <> 'id')";

static bool execute_generated(Merge *m, const char *query, const char *key, const char *tables, Error *e) {
    return sql_generated(store_db(m->into), query, key, tables) == SQLITE_OK ||
           store_failed(m->into, "merge", e);
}

/* Adds rows that belong to no step, to a run known already, too: the texts of maps, and a remark where the
 * run has none here. */
static bool add_missing(Merge *m, const char *key, Error *e) {
    return execute_generated(m, add_sql, key, "map_token", e) &&
           execute(m,
                   "UPDATE main.run SET note = (SELECT note FROM other.run WHERE key = ?1)"
                   " WHERE key = ?1 AND note IS NULL",
                   key, NULL, 0, e);
}

static bool copy_rows(Merge *m, const char *key, Error *e) {
    return execute_generated(m, run_sql, key, NULL, e) &&
           execute(m, "UPDATE main.run SET status = 'interrupted' WHERE key = ?1 AND status = 'running'", key,
                   NULL, 0, e) &&
           execute_generated(m, delete_sql, key, NULL, e) && execute_generated(m, add_sql, key, NULL, e) &&
           add_missing(m, key, e);
}

/* ---- its files ---- */

/* Copies a checkpoint whole or not at all: beside its place, synced, renamed. */
static bool copy_folder(const char *from, const char *to, Error *e) {
    FileList files = {0};
    Path beside = path_of("%s.part", to);
    folder_remove(beside.s);
    bool ok = folder_make(beside.s, e) && files_list(&files, from, NULL, e);
    for (int64_t i = 0; ok && i < files.files; i++)
        ok = file_copy(files.path[i], path_of("%s%s", beside.s, files.path[i] + strlen(from)).s, NULL, e);
    files_free(&files);
    ok = ok && folder_sync(beside.s, e);
    if (ok) folder_remove(to); /* one that cannot be read */
    ok = ok && (!rename(beside.s, to) || fail(e, EXIT_FAILED, "merge: %s: %s", to, strerror(errno)));
    if (!ok) folder_remove(beside.s); /* it takes room, which may be what there was too little of */
    return ok;
}

/* Brings the other's newest checkpoint that can be read, unless ours is as new. The row is told last, so that
 * one that does not know of a checkpoint is told of it now. */
static bool copy_checkpoint(Merge *m, const char *key, Error *e) {
    char source[1024], target[1024];
    char from[1024], to[1024];
    if (!store_folder(m->from, key, from, e) || !store_folder(m->into, key, to, e)) return false;
    int64_t theirs, ours;
    if (!checkpoint_newest(from, &theirs, source, e) || !checkpoint_newest(to, &ours, target, e))
        return false;
    bool newer = theirs > ours;
    Path newest = newer ? path_of("%s%s", to, strrchr(source, '/')) : path_of("%s", target);
    if (newer && !copy_folder(source, newest.s, e)) return false;
    if (!*newest.s) return true;
    char *sql = sqlite3_mprintf("UPDATE main.run SET checkpoint = %Q"
                                " WHERE key = ?1 AND (checkpoint IS NULL OR %d)",
                                newest.s, newer);
    bool ok = sql ? execute(m, sql, key, NULL, 0, e) : fail(e, EXIT_FAILED, "merge: out of memory");
    sqlite3_free(sql);
    return ok;
}

/* ---- whether figures differ ---- */

static const char digest_sql[] = "SELECT coalesce(kind || ' ' || step || ' ' || place || ' ' || figures, '') "
                                 "FROM digest WHERE key = ?1 ORDER BY 1";

static sqlite3_stmt *read_digest(Store *s, const char *key, Error *e) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(store_db(s), digest_sql, -1, &q, NULL) != SQLITE_OK) store_failed(s, "merge", e);
    sqlite3_bind_text(q, 1, key, -1, SQLITE_STATIC);
    return q;
}

static bool compare_digests(Merge *m, const char *key, bool *same, Error *e) {
    sqlite3_stmt *ours = read_digest(m->into, key, e), *theirs = ours ? read_digest(m->from, key, e) : NULL;
    int a = SQLITE_ROW, b = theirs ? SQLITE_ROW : SQLITE_ERROR;
    for (*same = true; *same && a == SQLITE_ROW && b == SQLITE_ROW;) {
        a = sqlite3_step(ours), b = sqlite3_step(theirs);
        *same = a == b && (a != SQLITE_ROW || !strcmp(column_text(ours, 0), column_text(theirs, 0)));
    }
    bool ok = theirs && (a == SQLITE_ROW || a == SQLITE_DONE || store_failed(m->into, "merge", e)) &&
              (b == SQLITE_ROW || b == SQLITE_DONE || store_failed(m->from, "merge", e));
    sqlite3_finalize(ours);
    sqlite3_finalize(theirs);
    return ok;
}

/* Whether the last evaluation of results files, which is kept to the bit, is the one of the whole run here.
 */
static bool compare_last(Merge *m, const char *key, Outcome *out, Error *e) {
    static const char sql[] = "SELECT count(*) FROM other.eval AS o JOIN main.eval AS i USING (step, probe)"
                              " WHERE o.val_loss IS NOT i.val_loss AND o.val_loss IS NOT NULL"
                              " AND o.run_id = " ID("other") " AND i.run_id = " ID("main");
    char differ[16] = "0";
    if (!execute(m, sql, key, differ, sizeof differ, e)) return false;
    if (strcmp(differ, "0")) *out = MERGE_OTHERWISE;
    return true;
}

/* ---- one run ---- */

#define STANDING(schema)                                                                                     \
    "(SELECT key, status IN ('done', 'diverged') AS over, status <> 'queued' AS tried, origin IS NULL AS "   \
    "whole,"                                                                                                 \
    " (SELECT coalesce(max(step), 0) FROM " schema ".step WHERE run_id = r.id) AS steps"                     \
    " FROM " schema ".run AS r WHERE key = ?1)"

/* Orders runs by how far they came, to find which database's is further. A run that has ended is furthest;
 * one that was started, even without a step, is further than one that is queued. Of two that have ended, one
 * with all of its rows is further than one of results files. */
static const char standing_sql[] =
    "SELECT CASE WHEN i.key IS NULL THEN 'new' WHEN o.over AND i.over AND o.whole = i.whole THEN"
    " iif(o.whole, 'both', 'results') WHEN o.over AND i.over THEN iif(o.whole, 'further', 'ours')"
    " WHEN (o.over, o.steps, o.tried) > (i.over, i.steps, i.tried) THEN 'further' ELSE 'known' END"
    " FROM " STANDING("other") " AS o LEFT JOIN " STANDING("main") " AS i USING (key)";

static bool judge(Merge *m, const char *key, Outcome *out, Error *e) {
    char standing[16] = "known";
    bool same;
    *out = MERGE_ALIVE;
    if (store_alive(m->from, key) || store_alive(m->into, key)) return true;
    if (!execute(m, standing_sql, key, standing, sizeof standing, e)) return false;
    *out = !strcmp(standing, "new") ? MERGE_NEW : !strcmp(standing, "further") ? MERGE_FURTHER : MERGE_KNOWN;
    bool results = !strcmp(standing, "results");
    if (!strcmp(standing, "ours")) return compare_last(m, key, out, e);
    if (!results && strcmp(standing, "both")) return true;
    if (!compare_digests(m, key, &same, e)) return false;
    if (!same) *out = results ? MERGE_FURTHER : MERGE_CONFLICT;
    return true;
}

static bool merge_run(Merge *m, const char *key, Error *e) {
    Outcome outcome;
    if (!judge(m, key, &outcome, e)) return false;
    m->runs[outcome]++;
    if (outcome == MERGE_CONFLICT)
        fprintf(stderr, "sinklab: merge: %s: run %s: its figures differ from those in %s, which stay\n",
                m->name, key, store_path(m->into));
    if (outcome == MERGE_ALIVE && !m->quiet)
        printf("%s: run %s: left out, a living process has it\n", m->name, key);
    if (outcome == MERGE_CONFLICT || outcome == MERGE_ALIVE || outcome == MERGE_OTHERWISE) return true;
    return transaction(m, outcome == MERGE_KNOWN ? add_missing : copy_rows, key, e) &&
           copy_checkpoint(m, key, e);
}

/* ---- one database ---- */

/* Reads the keys of the other database's runs, each ended by a NUL. */
static bool read_keys(Merge *m, Bytes *keys, Error *e) {
    sqlite3_stmt *q = NULL;
    int result;
    if (sqlite3_prepare_v2(store_db(m->from), "SELECT key FROM run ORDER BY id", -1, &q, NULL) != SQLITE_OK)
        return store_failed(m->from, "merge", e);
    bool ok = true;
    while ((result = sqlite3_step(q)) == SQLITE_ROW && ok)
        ok = store_key(m->from, column_text(q, 0), e) && bytes_append(keys, column_text(q, 0), KEY_BYTES, e);
    sqlite3_finalize(q);
    return ok && (result == SQLITE_DONE || store_failed(m->from, "merge", e));
}

static bool merge_runs(Merge *m, Error *e) {
    Bytes keys = {0};
    bool ok = read_keys(m, &keys, e);
    for (int64_t at = 0; ok && at < keys.size; at += KEY_BYTES) ok = merge_run(m, keys.data + at, e);
    bytes_free(&keys);
    return ok;
}

/* A sweep is known by its name and its file's text: places of another text would mean other runs. So do those
 * of other words, another base, corpus or version, where both have a place and another run there. */
#define OTHER_PLACES                                                                                         \
    "(i.file <> o.file OR EXISTS (SELECT 1 FROM other.sweep_run AS theirs JOIN main.sweep_run AS ours"       \
    " USING (\"index\") JOIN other.run AS t ON t.id = theirs.run JOIN main.run AS u ON u.id = ours.run"      \
    " WHERE theirs.sweep = o.id AND ours.sweep = i.id AND t.key <> u.key))"
#define SAME_SWEEP                                                                                           \
    "JOIN other.sweep AS o ON o.id = x.sweep JOIN main.sweep AS i ON i.name = o.name AND NOT " OTHER_PLACES

static bool copy_sweeps(Merge *m, const char *unused, Error *e) {
    static const char *const steps[] = {
        "INSERT OR IGNORE INTO main.sweep_run SELECT i.id, x.\"index\", ours.id FROM other.sweep_run AS "
        "x " SAME_SWEEP
        " JOIN other.run AS theirs ON theirs.id = x.run JOIN main.run AS ours ON ours.key = theirs.key",
        "INSERT OR IGNORE INTO main.sweep_cell"
        " SELECT i.id, x.\"index\", cell, label, side, stratum, judges FROM other.sweep_cell AS "
        "x " SAME_SWEEP,
        "INSERT OR IGNORE INTO main.sweep_expect"
        " SELECT i.id, place, metric, direction, beyond, baseline, asks FROM other.sweep_expect AS "
        "x " SAME_SWEEP,
        "INSERT OR IGNORE INTO main.t_quantile SELECT * FROM other.t_quantile"};
    (void)unused;
    if (!execute_generated(m, sweep_sql, NULL, NULL, e)) return false;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (!execute(m, steps[i], NULL, NULL, 0, e)) return false;
    return true;
}

static bool report(Merge *m, Error *e) {
    char others[512] = "";
    if (!execute(m,
                 "SELECT group_concat(o.name, ', ') FROM other.sweep AS o JOIN main.sweep AS i USING (name)"
                 " WHERE " OTHER_PLACES,
                 NULL, others, sizeof others, e))
        return false;
    if (m->quiet) return true;
    printf("%s: %d new, %d taken further, %d known already, %d left out, %d in conflict\n", m->name,
           m->runs[MERGE_NEW], m->runs[MERGE_FURTHER], m->runs[MERGE_KNOWN], m->runs[MERGE_ALIVE],
           m->runs[MERGE_CONFLICT]);
    if (m->runs[MERGE_OTHERWISE])
        printf("%s: %d run%s measured here to other bits, and stay (another kind of CPU, as run.blas_arch "
               "says?)\n",
               m->name, m->runs[MERGE_OTHERWISE], m->runs[MERGE_OTHERWISE] > 1 ? "s were" : " was");
    if (*others)
        printf("%s: runs of %s were merged, its places not: here it is of another text, base or "
               "corpus, of other words or of another version of the program\n",
               m->name, others);
    return true;
}

static bool merge_attached(Merge *m, Error *e) {
    return merge_runs(m, e) && transaction(m, copy_sweeps, NULL, e) && report(m, e);
}

static bool merge_database(Merge *m, const char *path, Error *e) {
    if (!store_open(&m->from, path, STORE_READ, e)) return false;
    bool ok = execute(m, "ATTACH ?1 AS other", store_uri(m->from), NULL, 0, NULL) ||
              fail(e, EXIT_FAILED, "merge: %s: cannot be attached: %s (does the disk answer?)", path,
                   sqlite3_errmsg(store_db(m->into))); /* it could be opened: store_failed would blame INTO */
    ok = ok && merge_attached(m, e);
    sqlite3_exec(store_db(m->into), "DETACH other", NULL, NULL, NULL);
    store_close(m->from);
    return ok;
}

/* ---- results files: as a database that nobody keeps ---- */

static bool is_folder(const char *path) {
    struct stat st;
    return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static bool read_results(const char *folder, const char *db, Error *e) {
    Store *s;
    if (!store_open(&s, db, STORE_WRITE, e)) return false;
    bool ok = results_read(folder, s, e) &&
              t_quantile_fill(s, 1, e); /* what intervals of runs without a sweep need */
    store_close(s);
    return ok;
}

static bool merge_results(Merge *m, const char *folder, Error *e) {
    Path scratch;
    if (!folder_scratch("merge", &scratch, e)) return false;
    Path db = path_of("%s/results.db", scratch.s);
    bool ok = read_results(folder, db.s, e) && merge_database(m, db.s, e);
    folder_remove(scratch.s);
    return ok && (m->quiet || sweeps_tell_missing(m->into, folder, e));
}

static bool merge_one(Merge *m, const char *path, Error *e) {
    memset(m->runs, 0, sizeof m->runs);
    m->name = path;
    return is_folder(path) ? merge_results(m, path, e) : merge_database(m, path, e);
}

/* ---- the command ---- */

/* Checks all files before the first is merged: a mistyped name merges nothing, and makes no database. */
static bool check_sources(const char *into, int n, char **from, Error *e) {
    struct stat ours, theirs;
    bool there = !stat(into, &ours);
    if (!n && !there) return fail(e, exit_code_of(errno), "merge: %s: %s", into, strerror(errno));
    for (int i = 0; i < n; i++) {
        Store *s;
        if (is_folder(from[i])) continue;
        if (!store_open(&s, from[i], STORE_READ, e)) return false;
        store_close(s);
        if (there && !stat(from[i], &theirs) && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)
            return fail(e, EXIT_USAGE, "merge: %s: into itself", from[i]);
    }
    return true;
}

static int merge(int argc, char **argv, Error *e) {
    Merge m = {0};
    int n, conflicts = 0;
    const Flag flags[] = {{"--quiet", FLAG_BOOL, &m.quiet}, {NULL, FLAG_BOOL, NULL}};
    if (!flags_read(flags, argc, argv, &n, e)) return e->code;
    if (n < 1) {
        fail(e, EXIT_USAGE,
             "command line: merge takes a database to merge into and others (INTO.db FROM.db ...)");
        return e->code;
    }
    if (!check_sources(argv[0], n - 1, argv + 1, e) || !store_open(&m.into, argv[0], STORE_WRITE, e))
        return e->code;
    bool ok = true;
    for (int i = 1; ok && i < n; i++) {
        ok = merge_one(&m, argv[i], e);
        conflicts += m.runs[MERGE_CONFLICT];
    }
    store_close(m.into);
    if (ok && conflicts)
        ok =
            fail(e, EXIT_FAILED, "merge: %s: %d run%s in conflict (see `sinklab runs show KEY --db` of both)",
                 argv[0], conflicts, conflicts > 1 ? "s" : "");
    return ok ? EXIT_DONE : e->code;
}

const Command merge_command = {
    .name = "merge",
    .usage = "INTO.db [FROM.db|FOLDER ...]",
    .summary = "folds the runs of other databases into one, by their keys",
    .options =
        "  --quiet   no counts\n\n"
        "Rows and each run's newest checkpoint are copied; the others stay as they are. Runs that a living\n"
        "process has are left out. Merging again changes nothing. Alone, INTO.db is brought up to date where "
        "an\n"
        "older sinklab wrote it. A FOLDER is one of results files (sinklab sweep export FILE --results "
        "FOLDER):\n"
        "their runs are done here, too, with thinned figures and no checkpoint, until the whole run is "
        "merged.\n"
        "A sweep is not among them: sinklab sweep verdict FILE makes it of its runs, for verdicts and "
        "pages.\n",
    .run = merge,
};
