#include "ablations/sweep/results.h"

#include "ablations/sweep/csv.h"
#include "data/base/files.h"
#include "data/base/listing.h"
#include "train/store/column.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 64 };

/* ---- a table ---- */

typedef enum Kind { AS_TEXT, AS_INTEGER, AS_REAL } Kind;

/* Two statements of the same parameters: ?1 is the key, the others are the columns of the file. */
typedef struct Target {
    Store *store;
    sqlite3_stmt *insert, *find;
    Kind kind[CSV_COLUMNS];
    bool filled[CSV_COLUMNS]; /* empty is a text here, not NULL */
    int columns;
} Target;

static const char column_sql[] = "SELECT type, \"notnull\" FROM pragma_table_info(?1) WHERE name = ?2";

/* What the table has under the name of a column. */
static bool look_up(Target *t, const Csv *c, const char *table, int i, Error *e) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(store_db(t->store), column_sql, -1, &q, NULL) != SQLITE_OK)
        return store_failed(t->store, "results", e);
    sqlite3_bind_text(q, 1, table, -1, SQLITE_STATIC);
    sqlite3_bind_text(q, 2, c->field[i], -1, SQLITE_STATIC);
    bool known = sqlite3_step(q) == SQLITE_ROW;
    const char *type = known ? column_text(q, 0) : "";
    t->kind[i] = !strcmp(type, "REAL") ? AS_REAL : !strcmp(type, "INTEGER") ? AS_INTEGER : AS_TEXT;
    t->filled[i] = known && sqlite3_column_int(q, 1);
    sqlite3_finalize(q);
    return known || csv_refuse(c, e, path_of("no column %.60s in the table %.60s", c->field[i], table).s);
}

static bool prepare(Target *t, sqlite3_stmt **out, const char *sql, Error *e) {
    return (sql && sqlite3_prepare_v2(store_db(t->store), sql, -1, out, NULL) == SQLITE_OK) ||
           store_failed(t->store, "results", e);
}

/* Of `run` the key is a column, of other tables it names the run. */
static bool prepare_both(Target *t, const Csv *c, const char *table, Error *e) {
    bool run = !strcmp(table, "run");
    const char *id = run ? "?1" : "(SELECT id FROM run WHERE key = ?1)", *name = run ? "key" : "run_id";
    sqlite3_str *names = sqlite3_str_new(NULL), *values = sqlite3_str_new(NULL),
                *same = sqlite3_str_new(NULL);
    for (int i = 1; i < c->fields; i++) {
        sqlite3_str_appendf(names, ", \"%w\"", c->field[i]);
        sqlite3_str_appendf(values, ", ?%d", i + 1);
        sqlite3_str_appendf(same, " AND \"%w\" IS ?%d", c->field[i], i + 1);
    }
    char *n = sqlite3_str_finish(names), *v = sqlite3_str_finish(values), *s = sqlite3_str_finish(same);
    char *insert =
        sqlite3_mprintf("INSERT INTO \"%w\" (%s%s%s) VALUES (%s%s%s) ON CONFLICT DO NOTHING", table, name,
                        n ? n : "", run ? ", origin" : "", id, v ? v : "", run ? ", 'results'" : "");
    char *find = sqlite3_mprintf("SELECT 1 FROM \"%w\" WHERE %s = %s%s", table, name, id, s ? s : "");
    bool ok = prepare(t, &t->insert, insert, e) && prepare(t, &t->find, find, e);
    sqlite3_free(insert), sqlite3_free(find);
    sqlite3_free(n), sqlite3_free(v), sqlite3_free(s);
    return ok;
}

static bool bind_number(sqlite3_stmt *q, int at, const char *text, Kind kind) {
    char *end;
    errno = 0;
    if (kind == AS_REAL)
        sqlite3_bind_double(q, at, strtod(text, &end));
    else
        sqlite3_bind_int64(q, at, strtoll(text, &end, 10));
    return end != text && !*end && (!errno || kind == AS_REAL);
}

static bool bind_record(const Target *t, sqlite3_stmt *q, const Csv *c, Error *e) {
    if (c->fields != t->columns) return csv_refuse(c, e, "not as many fields as names");
    for (int i = 0; i < t->columns; i++) {
        const char *text = c->field[i];
        if (!*text && !t->filled[i])
            sqlite3_bind_null(q, i + 1);
        else if (!i || t->kind[i] == AS_TEXT)
            sqlite3_bind_text(q, i + 1, text, -1, SQLITE_STATIC);
        else if (!bind_number(q, i + 1, text, t->kind[i]))
            return csv_refuse(c, e, path_of("\"%.60s\" is no number", text).s);
    }
    return true;
}

/* A record that is there already must be there as it is. */
static bool put(const Target *t, const Csv *c, Error *e) {
    sqlite3 *db = store_db(t->store);
    if (!store_key(t->store, c->field[0], NULL)) return csv_refuse(c, e, "key: not 32 hex digits");
    if (!bind_record(t, t->insert, c, e)) return false;
    int result = sqlite3_step(t->insert);
    sqlite3_reset(t->insert);
    if ((result & 0xff) == SQLITE_CONSTRAINT) return csv_refuse(c, e, sqlite3_errmsg(db));
    if (result != SQLITE_DONE) return store_failed(t->store, "results", e);
    if (sqlite3_changes(db)) return true;
    if (!bind_record(t, t->find, c, e)) return false;
    result = sqlite3_step(t->find);
    sqlite3_reset(t->find);
    return result == SQLITE_ROW ||
           csv_refuse(c, e,
                      "another file says otherwise of this run (write the results of both "
                      "sweeps anew)");
}

/* ---- files ---- */

/* "bos.eval.csv.gz": the name of its table. */
static bool table_of_file(const char *path, char table[NAME_BYTES]) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = strlen(name), ending = strlen(".csv.gz");
    if (length <= ending || strcmp(name + length - ending, ".csv.gz")) return false;
    const char *dot = name + length - ending;
    while (dot > name && dot[-1] != '.') dot--;
    return dot > name &&
           snprintf(table, NAME_BYTES, "%.*s", (int)(name + length - ending - dot), dot) < NAME_BYTES;
}

static bool wanted(const char *path) {
    char table[NAME_BYTES];
    return table_of_file(path, table);
}

static bool read_records(Csv *c, Target *t, const char *table, Error *e) {
    bool more = true, ok = true;
    t->columns = c->fields;
    for (int i = 1; ok && i < c->fields; i++) ok = look_up(t, c, table, i, e);
    ok = ok && prepare_both(t, c, table, e);
    while (ok && csv_next(c, &more, e) && more) ok = put(t, c, e);
    return ok && !more;
}

static bool read_file(const char *path, const char *table, Store *into, Error *e) {
    Csv c;
    Target t = {.store = into};
    if (!csv_open(&c, path, e)) return false;
    bool ok = strcmp(table, "run") && !results_keep(table, NULL)
                  ? csv_refuse(&c, e, path_of("results have no table %s", table).s)
                  : read_records(&c, &t, table, e);
    sqlite3_finalize(t.insert);
    sqlite3_finalize(t.find);
    csv_close(&c);
    return ok;
}

/* The runs of all files first: other rows name them. */
static bool read_files(const FileList *files, Store *into, Error *e) {
    char table[NAME_BYTES];
    for (int runs = 1; runs >= 0; runs--)
        for (int64_t i = 0; i < files->files; i++) {
            table_of_file(files->path[i], table);
            if (runs == !strcmp(table, "run") && !read_file(files->path[i], table, into, e)) return false;
        }
    return true;
}

static bool execute(Store *s, const char *sql, Error *e) {
    return sqlite3_exec(store_db(s), sql, NULL, NULL, NULL) == SQLITE_OK || store_failed(s, "results", e);
}

bool results_read(const char *folder, Store *into, Error *e) {
    FileList files = {0};
    if (!files_list(&files, folder, wanted, e)) return false;
    bool ok = execute(into, "BEGIN IMMEDIATE", e);
    ok = ok && read_files(&files, into, e) && execute(into, "COMMIT", e);
    if (!ok) sqlite3_exec(store_db(into), "ROLLBACK", NULL, NULL, NULL);
    files_free(&files);
    return ok;
}
