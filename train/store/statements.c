#include "train/store/store_private.h"

#include <errno.h>
#include <libgen.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

/* ---- errors ---- */

enum { UNOPENED = 1000 }; /* no result of SQLite's */

static const struct Reason {
    int result, code;
    const char *text;
} reasons[] = {
    {SQLITE_BUSY, EXIT_FAILED, "locked by another program for too long (close what holds it open)"},
    {SQLITE_LOCKED, EXIT_FAILED, "locked by another program for too long (close what holds it open)"},
    {SQLITE_FULL, EXIT_FAILED, "the disk is full (make room; interrupted runs go on where they were)"},
    {SQLITE_READONLY, EXIT_USAGE, "read-only (give another --db or make it writable)"},
    {SQLITE_CANTOPEN, EXIT_USAGE, "cannot be opened (check the folder and its permissions)"},
    {SQLITE_NOTADB, EXIT_USAGE, "not a SQLite database (give another --db)"},
    {SQLITE_CORRUPT, EXIT_FAILED, "damaged (try `sqlite3 FILE .recover`)"},
    {SQLITE_IOERR, EXIT_FAILED, "the disk does not answer as it should"},
    {SQLITE_NOMEM, EXIT_FAILED, "out of memory"},
    {UNOPENED, EXIT_FAILED,
     "cannot be opened for writing, though it may be (is the disk full, does it answer?)"},
};

/* Whether EIO is what the system said last to SQLite about a database of this connection, or about its log.
 */
static bool reading_failed(sqlite3 *db) {
    int why = 0;
    const char *name;
    for (int i = 0; why != EIO && (name = sqlite3_db_name(db, i)); i++) {
        sqlite3_file *log = NULL;
        sqlite3_file_control(db, name, SQLITE_FCNTL_LAST_ERRNO, &why);
        sqlite3_file_control(db, name, SQLITE_FCNTL_JOURNAL_POINTER, &log);
        if (why != EIO && log && log->pMethods && log->pMethods->xFileControl) /* none: in memory */
            log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &why);
    }
    return why == EIO;
}

/* Whether no permission stands in the way of writing the database, or of making it. */
static bool may_be_written(const Store *s) {
    char folder[STORE_PATH + 8];
    strcpy(folder, s->path);
    return !access(dirname(folder), W_OK) && (access(s->path, F_OK) || !access(s->path, W_OK));
}

/* SQLite calls a file damaged whose reading fails with EIO; opens read-only what it could not open for
 * writing, whatever the reason was, and knows of the second error alone; and where memory fails before a
 * statement has begun, the database knows of no error. */
static int reason_of(Store *s) {
    int result = sqlite3_errcode(s->db) & 0xff;
    if (result == SQLITE_OK || sqlite3_extended_errcode(s->db) == SQLITE_IOERR_NOMEM) return SQLITE_NOMEM;
    if (result == SQLITE_CORRUPT && reading_failed(s->db)) return SQLITE_IOERR;
    if (result != SQLITE_CANTOPEN && result != SQLITE_READONLY) return result;
    return may_be_written(s) ? UNOPENED : result;
}

static bool fail_for(Store *s, int result, const char *what, Error *e) {
    if (result == SQLITE_IOERR && sqlite3_system_errno(s->db) == EFBIG)
        return fail(e, EXIT_FAILED, "%s: %s: larger than a file may be here (ulimit -f)", what, s->path);
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].result == result)
            return fail(e, reasons[i].code, "%s: %s: %s", what, s->path, reasons[i].text);
    return fail(e, EXIT_FAILED, "%s: %s: %s", what, s->path, sqlite3_errmsg(s->db));
}

const char *store_reason(sqlite3 *db) {
    int result = sqlite3_errcode(db) & 0xff;
    bool unread = (result == SQLITE_CORRUPT || result == SQLITE_IOERR) && reading_failed(db);
    return unread ? strerror(EIO) : sqlite3_errmsg(db);
}

bool store_failed(Store *s, const char *what, Error *e) {
    return fail_for(s, reason_of(s), what, e);
}

bool store_read_only(Store *s, Error *e) {
    return fail_for(s, may_be_written(s) ? UNOPENED : SQLITE_READONLY, "results", e);
}

/* ---- statements ---- */

bool store_sql(Store *s, const char *sql, const char *what, Error *e) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || store_failed(s, what, e);
}

sqlite3_stmt *store_prepare(Store *s, Error *e, const char *sql, const char *types, ...) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        store_failed(s, "results", e);
        return NULL;
    }
    int result = SQLITE_OK;
    va_list args;
    va_start(args, types);
    for (int i = 0; types[i] && result == SQLITE_OK; i++) {
        if (types[i] == 'i') result = sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
        if (types[i] == 'd') result = sqlite3_bind_double(statement, i + 1, va_arg(args, double));
        if (types[i] == 't')
            result = sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
    }
    va_end(args);
    if (result == SQLITE_OK) return statement;
    store_failed(s, "results", e);
    sqlite3_finalize(statement);
    return NULL;
}

bool store_ended(Store *s, sqlite3_stmt *statement, int result, Error *e) {
    bool ok = result == SQLITE_DONE || store_failed(s, "results", e);
    sqlite3_finalize(statement);
    return ok;
}

bool store_finish(Store *s, sqlite3_stmt *statement, int64_t *out, Error *e) {
    if (!statement) return false;
    int result;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW)
        if (out) *out = sqlite3_column_int64(statement, 0);
    return store_ended(s, statement, result, e);
}

bool store_begin(Store *s, Error *e) {
    return store_sql(s, "BEGIN IMMEDIATE", "results", e);
}

bool store_end(Store *s, bool ok, Error *e) {
    if (ok && store_sql(s, "COMMIT", "results", e)) {
        s->impatient = false;
        return true;
    }
    /* Some failures (a full disk) have rolled back already: nothing is left to say then. */
    sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}
