#include "train/store/store.h"

#include "train/store/schema.h"
#include "train/store/store_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { BUSY_MS = 30000, RETRY_US = 10000 };

/* migrations[v] takes a database from version v to v + 1 by changing its tables. Tables that are new have no
 * text here: schema.sql follows, which is all that an empty database, version 0, gets. */
static const char *const migrations[STORE_VERSION] = {
    [0] = "",
    [1] = "ALTER TABLE run ADD COLUMN corpus_hash TEXT; ALTER TABLE run ADD COLUMN tokenizer_hash TEXT;"
          "ALTER TABLE run ADD COLUMN origin TEXT; ALTER TABLE run ADD COLUMN core_minutes REAL;"
          "ALTER TABLE eval ADD COLUMN val_loss_late REAL; ALTER TABLE eval ADD COLUMN val_loss_16k REAL;"
          "ALTER TABLE eval ADD COLUMN bos_cost REAL; ALTER TABLE eval ADD COLUMN bos_cost_se REAL;"
          "ALTER TABLE eval ADD COLUMN bos_cost_late REAL; ALTER TABLE eval ADD COLUMN bos_cost_late_se REAL;"
          "ALTER TABLE eval ADD COLUMN bos_cost_rows INTEGER;"
          "ALTER TABLE eval_layer ADD COLUMN gradient_sink REAL;"
          "ALTER TABLE eval_layer ADD COLUMN stream_gradient_sink REAL;"
          "ALTER TABLE eval_layer ADD COLUMN super_ratio_mean REAL;"
          "ALTER TABLE eval_layer ADD COLUMN tau_variances REAL;"
          "ALTER TABLE eval_layer ADD COLUMN dom_ratio_normed REAL;"
          "ALTER TABLE eval_layer ADD COLUMN dom_ratio_normed_rest REAL;"
          "ALTER TABLE eval_layer ADD COLUMN dom_ratio_of_bound REAL;"
          "ALTER TABLE eval_layer ADD COLUMN dom_ratio_random REAL;"
          "ALTER TABLE eval_layer ADD COLUMN super_sparsity4_random REAL;"
          "ALTER TABLE eval_layer ADD COLUMN super_weight_unit INTEGER;"
          "ALTER TABLE eval_layer ADD COLUMN super_weight_rank INTEGER;"
          "ALTER TABLE eval_layer ADD COLUMN super_weight_ratio REAL;"
          "ALTER TABLE eval_layer ADD COLUMN super_selectivity REAL;"
          "ALTER TABLE eval_layer ADD COLUMN super_cos_rest REAL;"
          "ALTER TABLE eval_head ADD COLUMN alignment REAL;"
          "ALTER TABLE eval_head ADD COLUMN out_size REAL;"
          "ALTER TABLE eval_head ADD COLUMN out_variance REAL;"
          "ALTER TABLE eval ADD COLUMN prefix_uniform REAL;"
          "ALTER TABLE eval_layer ADD COLUMN attn_in_size REAL;"
          "ALTER TABLE eval_layer ADD COLUMN attn_write REAL;"
          "ALTER TABLE eval_layer ADD COLUMN mlp_in_size REAL;"
          "ALTER TABLE eval_layer ADD COLUMN mlp_write REAL;"
          "ALTER TABLE eval_layer ADD COLUMN stream_size REAL;"
          "ALTER TABLE eval_layer ADD COLUMN gate_cv2 REAL;"
          "ALTER TABLE eval_layer ADD COLUMN residual_sink REAL;"
          "ALTER TABLE eval_layer ADD COLUMN residual_sink_channel INTEGER;"
          "ALTER TABLE eval_layer ADD COLUMN residual_sink_gain REAL;"
          "ALTER TABLE eval_head ADD COLUMN gate REAL;"
          "ALTER TABLE eval_head ADD COLUMN sink_logit REAL;"
          "ALTER TABLE eval_head ADD COLUMN secondary_sinks REAL;"
          "ALTER TABLE eval_head ADD COLUMN secondary_mass REAL;"
          "ALTER TABLE eval_head ADD COLUMN random_key_mass REAL;"
          "ALTER TABLE eval_head ADD COLUMN logit_max REAL;"
          "ALTER TABLE eval_head ADD COLUMN q_norm REAL;"
          "ALTER TABLE eval_head ADD COLUMN k_norm REAL;"
          "ALTER TABLE eval_head ADD COLUMN v_norm REAL;"
          "ALTER TABLE eval_head ADD COLUMN update_rank REAL;"
          "ALTER TABLE eval_head ADD COLUMN sink_kind INTEGER;"
          "ALTER TABLE eval_head ADD COLUMN prefix_matching REAL;"
          "UPDATE eval_layer SET tau_variances = tau_wo, tau_wo = NULL WHERE tau_wo IS NOT NULL;",
    [2] = "ALTER TABLE sweep_expect ADD COLUMN asks TEXT;"};

/* ---- opening ---- */

static const long network_file_systems[] = {
    0x6969,     /* NFS */
    0x517B,     /* SMB */
    0xFE534D42, /* SMB 2 */
    0xFF534D42, /* CIFS */
    0x5346414F, /* AFS */
    0x00C36400, /* Ceph */
    0x0BD00BD0, /* Lustre */
    0x47504653, /* GPFS */
    0x19830326, /* BeeGFS */
    0x01021997, /* 9P */
    0x65735546, /* FUSE: sshfs and the like */
};

const char *store_journal(long type) {
    for (size_t i = 0; i < sizeof network_file_systems / sizeof *network_file_systems; i++)
        if (network_file_systems[i] == (type & 0xFFFFFFFF)) return "TRUNCATE";
    return "WAL";
}

static bool read_integer(Store *s, const char *sql, int64_t *out, Error *e) {
    return store_finish(s, store_prepare(s, e, sql, ""), out, e);
}

/* All three as of one moment: another process may be making the schema just now. */
static bool read_marks(Store *s, int64_t *application, int64_t *version, int64_t *objects, Error *e) {
    if (!store_sql(s, "SAVEPOINT marks", "results", e)) return false;
    bool ok = read_integer(s, "SELECT count(*) FROM sqlite_schema", objects, e) &&
              read_integer(s, "PRAGMA application_id", application, e) &&
              read_integer(s, "PRAGMA user_version", version, e);
    return store_sql(s, "RELEASE marks", "results", ok ? e : NULL) && ok;
}

/* Whose database it is; *version 0: nobody's yet, empty. Changes nothing. */
static bool read_version(Store *s, int64_t *version, Error *e) {
    int64_t application = 0, objects = 0;
    if (!read_marks(s, &application, version, &objects, e)) return false;
    bool empty = !application && !*version && !objects;
    if (empty) return true;
    if (application != STORE_APPLICATION || *version < 1)
        return fail(e, EXIT_USAGE, "results: %s: another program's database (give another --db)", s->path);
    if (*version > STORE_VERSION)
        return fail(e, EXIT_USAGE,
                    "results: %s: schema %lld is newer than this program's %d (build a newer sinklab)",
                    s->path, (long long)*version, STORE_VERSION);
    return true;
}

/* Before a row is read: what was made by hand, or by others for us, may have any tables, and a view that
 * never ends. Whoever writes may have views that are to be renewed: *stale. */
static bool check_schema(Store *s, StoreMode mode, bool *stale, Error *e) {
    SchemaDifference d;
    if (schema_compare(s->db, &d) != SQLITE_OK) return store_failed(s, "results: schema", e);
    *stale = *d.type;
    if (!*stale) return true;
    if (strcmp(d.type, "view"))
        return fail(e, EXIT_USAGE, "results: %s: its %s %s is not of this version (made by another program?)",
                    s->path, d.type, d.name);
    return mode == STORE_WRITE ||
           fail(e, EXIT_USAGE,
                "results: %s: its view %s is not of this version (make it anew: sinklab merge %s)", s->path,
                d.name, s->path);
}

/* Changing the mode needs the file for a moment, and SQLite does not wait for that by itself. */
static bool set_journal(Store *s, Error *e) {
    struct statfs fs;
    if (statfs(s->path, &fs)) return fail(e, EXIT_FAILED, "results: %s: %s", s->path, strerror(errno));
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s", store_journal((long)fs.f_type));
    int result = SQLITE_BUSY;
    for (int64_t us = 0; us < 1000LL * BUSY_MS; us += RETRY_US) {
        result = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
        if ((result & 0xff) != SQLITE_BUSY) break;
        usleep(RETRY_US);
    }
    return result == SQLITE_OK || store_failed(s, "results", e);
}

/* Where tables stand in another order than in a new database, or another wrote them, their text is another.
 */
static bool renew_views(Store *s, Error *e) {
    return schema_renew_views(s->db) == SQLITE_OK || store_failed(s, "results: views", e);
}

static bool create_schema(Store *s, Error *e) {
    return schema_create(s->db) == SQLITE_OK || store_failed(s, "results: schema", e);
}

/* Views hold nothing: those of the version before go first, so that no table that they look at is changed. */
static bool migrate(Store *s, int64_t version, Error *e) {
    bool stale, ok = schema_drop_views(s->db) == SQLITE_OK || store_failed(s, "results: migrate", e);
    for (int64_t v = version; ok && v < STORE_VERSION; v++)
        ok = store_sql(s, migrations[v], "results: migrate", e);
    return ok && create_schema(s, e) && renew_views(s, e) && check_schema(s, STORE_READ, &stale, e);
}

/* Brings tables and views up to STORE_VERSION in one transaction. */
static bool bring_up_to_date(Store *s, Error *e) {
    int64_t version = 0; /* read again: another process may have been faster */
    return store_begin(s, e) &&
           store_end(s,
                     read_version(s, &version, e) && (version == STORE_VERSION ? renew_views(s, e)
                                                      : version                ? migrate(s, version, e)
                                                                               : create_schema(s, e)),
                     e);
}

/* The log goes into the database every 16 MB of it instead of every 4: each time both are synced. */
static const char settings[] = "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;"
                               "PRAGMA wal_autocheckpoint = 4000";

static bool open_for_writing(Store *s, bool up_to_date, Error *e) {
    if (sqlite3_db_readonly(s->db, "main")) return store_read_only(s, e);
    return set_journal(s, e) && (up_to_date || bring_up_to_date(s, e)) &&
           store_sql(s, settings, "results", e) && tables_open(s, e);
}

static bool open_for_reading(Store *s, int64_t version, Error *e) {
    if (version == STORE_VERSION) return true;
    if (!version)
        return fail(e, EXIT_USAGE, "results: %s: empty (run `sinklab train CONFIG` or `make demo` first)",
                    s->path);
    return fail(
        e, EXIT_USAGE,
        "results: %s: schema %lld is older than this program's %d (bring it up to date: sinklab merge %s)",
        s->path, (long long)version, STORE_VERSION, s->path);
}

static void write_uri(Store *s, const char *query) {
    char *to = s->uri + sprintf(s->uri, *s->path == '/' ? "file://" : "file:");
    for (const char *at = s->path; *at; at++)
        to += sprintf(to, strchr("%?#", *at) ? "%%%02X" : "%c", (unsigned char)*at);
    strcpy(to, query);
}

static bool connect(Store *s, StoreMode mode, const char *query, Error *e) {
    int flags = mode == STORE_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    write_uri(s, query);
    sqlite3_close(s->db);
    if (sqlite3_open_v2(s->uri, &s->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL) != SQLITE_OK)
        return store_failed(s, "results", e);
    sqlite3_extended_result_codes(s->db, 1);
    return true;
}

/* SQLite puts two files beside a database in WAL mode, even to read it, and cannot in this folder. */
static bool lacks_log(Store *s) {
    int result = sqlite3_exec(s->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) & 0xff;
    return result == SQLITE_CANTOPEN || result == SQLITE_READONLY;
}

/* Without a log that holds rows the database alone is all there is. SQLite takes no locks then: should its
 * owner begin to write at this moment, a query may fail, but nothing is harmed. */
static bool connect_without_log(Store *s, Error *e) {
    static const char *const logs[] = {"-wal", "-journal"};
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        char log[STORE_PATH + 16];
        struct stat there;
        snprintf(log, sizeof log, "%s%s", s->path, logs[i]);
        if (!stat(log, &there) && there.st_size)
            return fail(
                e, EXIT_USAGE,
                "results: %s: its newest rows are in %s, which cannot be read in a folder that is not "
                "writable (copy both elsewhere, or let its owner run any command on it)",
                s->path, log);
    }
    return connect(s, STORE_READ, "?immutable=1", e);
}

static bool open_database(Store *s, StoreMode mode, Error *e) {
    if (!connect(s, mode, "", e) || (mode == STORE_READ && lacks_log(s) && !connect_without_log(s, e)))
        return false;
    sqlite3_busy_handler(s->db, store_wait, s);
    int64_t version = 0;
    bool stale = false;
    if (!read_version(s, &version, e) || (version == STORE_VERSION && !check_schema(s, mode, &stale, e))) {
        /* It is not ours to tidy up: leave its write-ahead log where it is. */
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        return false;
    }
    return mode == STORE_READ ? open_for_reading(s, version, e)
                              : open_for_writing(s, version == STORE_VERSION && !stale, e);
}

bool store_open(Store **out, const char *path, StoreMode mode, Error *e) {
    *out = NULL;
    struct stat there;
    if (!*path) return fail(e, EXIT_USAGE, "results: a database without a name (--db FILE)");
    if (!stat(path, &there) && !S_ISREG(there.st_mode)) /* SQLite would wait for a FIFO's writer */
        return fail(e, EXIT_USAGE, "results: %s: %s (--db takes the file of a database)", path,
                    S_ISDIR(there.st_mode) ? "a folder" : "neither a file nor a folder");
    if (mode == STORE_READ && access(path, F_OK))
        return fail(e, EXIT_USAGE,
                    "results: %s: there is none (run `sinklab train CONFIG` or `make demo` first)", path);
    Store *s = calloc(1, sizeof *s);
    if (!s) return fail(e, EXIT_FAILED, "results: %s: out of memory", path);
    if (!store_resolve(s, path, mode == STORE_WRITE, e) || !open_database(s, mode, e)) {
        store_close(s);
        return false;
    }
    *out = s;
    return true;
}

bool store_changed(Store *s, int64_t *version, Error *e) {
    int64_t before = *version;
    return read_integer(s, "PRAGMA data_version", version, e) && *version != before;
}

void store_close(Store *s) {
    if (!s) return;
    if (s->batch.rows) store_flush(s, NULL);
    tables_close(s);
    sqlite3_close(s->db);
    free(s);
}

sqlite3 *store_db(Store *s) {
    return s->db;
}

const char *store_path(const Store *s) {
    return s->path;
}

const char *store_uri(const Store *s) {
    return s->uri;
}
