/* sinklab query: one question to results.db, read-only and bounded: SQL, a file of ablations/queries, a
 * table. */
#include "ablations/text_table.h"
#include "data/base/bytes.h"
#include "data/base/embed.h"
#include "data/base/text.h"
#include "train/commands/command.h"
#include "train/config/did_you_mean.h"
#include "train/store/column.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* build/queries.h: QUERY(NAME) of each NAME.sql of ablations/queries. */
#define QUERY(name)                                                                                          \
    EMBED(query_##name, "ablations/queries/" #name ".sql");                                                  \
    extern const char query_##name[];
#include "build/queries.h"
#undef QUERY

#define QUERY(name) {#name, query_##name},
static const struct {
    const char *name, *sql;
} queries[] = {
#include "build/queries.h"
};
#undef QUERY
enum {
    QUERIES = sizeof queries / sizeof *queries,
    NAME_TEXT = 64,
    HINT_TEXT = 256,
    CHECK_EVERY = 100000 /* SQLite's instructions */
};

typedef struct Options {
    const char *db;
    int64_t limit, seconds;
    bool json, csv, markdown, list, quiet;
} Options;

/* ---- bounds ---- */

static int is_late(void *deadline) {
    return time(NULL) > *(time_t *)deadline;
}

/* Another file is none of the question's business. */
static int authorize(void *self, int action, const char *a, const char *b, const char *db,
                     const char *trigger) {
    (void)self, (void)a, (void)b, (void)db, (void)trigger;
    return action == SQLITE_ATTACH ? SQLITE_DENY : SQLITE_OK;
}

/* ---- hints ---- */

/* The nearest of the names that `sql` answers with, as a hint; "" where none is near. */
static const char *nearest(Store *s, const char *text, const char *sql, char hint[HINT_TEXT]) {
    DidYouMean n = {.text = text};
    Error none = {0};
    char **names = NULL;
    int count = 0;
    sqlite3_stmt *q = table_query(s, sql, NULL, NULL);
    while (q && sqlite3_step(q) == SQLITE_ROW &&
           memory_grow((void **)&names, count + 1, sizeof *names, &none)) {
        names[count] = text_copy(column_text(q, 0)); /* the row is gone with the next one */
        did_you_mean_offer(&n, names[count++]);
    }
    sqlite3_finalize(q);
    did_you_mean_hint(&n, hint, HINT_TEXT);
    while (count) free(names[--count]);
    free(names);
    return hint;
}

/* The tables that have a column, as a hint; "" where none has it. */
static const char *holders(Store *s, const char *column, char hint[HINT_TEXT]) {
    static const char sql[] = "SELECT group_concat(\"table\", ', ') FROM"
                              " (SELECT DISTINCT \"table\" FROM about WHERE \"column\" = ?1 LIMIT 5)";
    sqlite3_stmt *q = table_query(s, sql, column, NULL);
    *hint = 0;
    if (q && sqlite3_step(q) == SQLITE_ROW && column_text(q, 0))
        snprintf(hint, HINT_TEXT, " (it is one of %s)", column_text(q, 0));
    sqlite3_finalize(q);
    return hint;
}

static const char tables_sql[] = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')";
static const char columns_sql[] = "SELECT DISTINCT \"column\" FROM about WHERE \"column\" IS NOT NULL";

/* What SQLite says of a statement that it does not take, with the name that was meant. */
static bool refuse(Store *s, Error *e) {
    static const struct {
        const char *says, *sql;
    } unknown[] = {{"no such table: ", tables_sql}, {"no such column: ", columns_sql}};
    char hint[HINT_TEXT] = "", message[512];
    snprintf(message, sizeof message, "%s", sqlite3_errmsg(store_db(s)));
    for (int i = 0; i < 2; i++) {
        const char *name = strstr(message, unknown[i].says), *dot;
        if (!name) continue;
        name += strlen(unknown[i].says);
        name = (dot = strchr(name, '.')) ? dot + 1 : name;
        if (!*holders(s, name, hint)) nearest(s, name, unknown[i].sql, hint);
    }
    return fail(e, EXIT_USAGE, "query: %s%s", message, hint);
}

/* ---- what is asked ---- */

static bool is_name(const char *word) {
    while (isalnum((unsigned char)*word) || *word == '_') word++;
    return !*word;
}

static bool is_table(Store *s, const char *name) {
    sqlite3_stmt *q = table_query(
        s, "SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1", name, NULL);
    bool found = q && sqlite3_step(q) == SQLITE_ROW;
    sqlite3_finalize(q);
    return found;
}

/* The SQL of a word, NULL on failure; `own` has room for one that is made. */
static const char *sql_of(Store *s, const char *word, char own[NAME_TEXT + 32], Error *e) {
    char hint[HINT_TEXT];
    if (!is_name(word)) return word;
    DidYouMean n = {.text = word};
    for (int i = 0; i < QUERIES; i++) {
        if (!strcmp(queries[i].name, word)) return queries[i].sql;
        did_you_mean_offer(&n, queries[i].name);
    }
    if (strlen(word) < NAME_TEXT && is_table(s, word)) {
        sprintf(own, "SELECT * FROM \"%s\"", word);
        return own;
    }
    if (!*did_you_mean_hint(&n, hint, sizeof hint)) nearest(s, word, tables_sql, hint);
    fail(e, EXIT_USAGE, "query: %s: no query, table or view of that name%s", word,
         *hint ? hint : " (sinklab query --list; SQL goes between quotation marks)");
    return NULL;
}

/* A number where it is written as one, so that lr=1e-3 finds 0.001; the start of a run's key, 1e5, is a text.
 */
static int bind_value(sqlite3_stmt *q, int place, const char *text) {
    const char *digits = text + (*text == '-');
    char *end;
    bool integer = *digits && strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 18;
    if (integer && (*digits != '0' || !digits[1]))
        return sqlite3_bind_int64(q, place, strtoll(text, NULL, 10));
    double value = strtod(text, &end);
    if (!integer && *text && !*end && strpbrk(text, ".-+")) return sqlite3_bind_double(q, place, value);
    return sqlite3_bind_text(q, place, text, -1, SQLITE_STATIC);
}

/* name=value: the query's :name. */
static bool bind_word(sqlite3_stmt *q, const char *word, Error *e) {
    char name[NAME_TEXT], hint[HINT_TEXT];
    const char *equals = strchr(word, '=');
    if (!equals)
        return fail(e, EXIT_USAGE, "query: %s: expected NAME=VALUE (SQL goes between quotation marks)", word);
    snprintf(name, sizeof name, ":%.*s", (int)(equals - word), word);
    int place = sqlite3_bind_parameter_index(q, name);
    if (place)
        return bind_value(q, place, equals + 1) == SQLITE_OK || fail(e, EXIT_FAILED, "query: out of memory");
    DidYouMean n = {.text = name};
    for (int i = 1; i <= sqlite3_bind_parameter_count(q); i++)
        did_you_mean_offer(&n, sqlite3_bind_parameter_name(q, i));
    return fail(e, EXIT_USAGE, "query: it has no parameter %s%s", name,
                did_you_mean_hint(&n, hint, sizeof hint));
}

static bool prepare(Store *s, const char *sql, int words, char **word, sqlite3_stmt **q, Error *e) {
    const char *rest;
    if (sqlite3_prepare_v2(store_db(s), sql, -1, q, &rest) != SQLITE_OK) return refuse(s, e);
    while (isspace((unsigned char)*rest)) rest++;
    if (!*q || *rest) return fail(e, EXIT_USAGE, "query: expected one statement");
    if (!sqlite3_stmt_readonly(*q))
        return fail(e, EXIT_USAGE, "query: it would write, and a query only reads");
    for (int i = 0; i < words; i++)
        if (!bind_word(*q, word[i], e)) return false;
    return true;
}

/* ---- the command ---- */

static void list(FILE *out) {
    fprintf(out, "\nqueries, of ablations/queries:\n");
    for (int i = 0; i < QUERIES; i++)
        fprintf(out, "  %-28s %.*s\n", queries[i].name, (int)strcspn(queries[i].sql + 3, "\n"),
                queries[i].sql + 3);
}

static bool answer(Store *s, const Options *o, int words, char **word, Error *e) {
    char own[NAME_TEXT + 32];
    time_t deadline = time(NULL) + o->seconds;
    sqlite3_stmt *q = NULL;
    int64_t seen = 0;
    TableForm form = o->json ? TABLE_JSON : o->csv ? TABLE_CSV : o->markdown ? TABLE_MARKDOWN : TABLE_TEXT;
    const char *sql = sql_of(s, word[0], own, e);
    if (!sql) return false;
    sqlite3_set_authorizer(store_db(s), authorize, NULL);
    if (o->seconds) sqlite3_progress_handler(store_db(s), CHECK_EVERY, is_late, &deadline);
    bool ok =
        prepare(s, sql, words - 1, word + 1, &q, e) && table_print_some(stdout, q, form, o->limit, &seen, e);
    if (!ok && sqlite3_errcode(store_db(s)) == SQLITE_INTERRUPT)
        fail(e, EXIT_FAILED, "query: not answered within %lld seconds (--seconds)", (long long)o->seconds);
    sqlite3_finalize(q);
    if (ok && !seen && !o->quiet) fprintf(stderr, "sinklab: query: no rows\n");
    if (ok && o->limit && seen > o->limit && !o->quiet)
        fprintf(stderr, "sinklab: query: the first %lld rows; there are more (--limit)\n",
                (long long)o->limit);
    return ok;
}

static int query_main(int argc, char **argv, Error *e) {
    Options o = {.db = "results.db", .limit = 1000, .seconds = 60};
    const Flag flags[] = {{"--db", FLAG_TEXT, &o.db},
                          {"--limit", FLAG_INT, &o.limit},
                          {"--seconds", FLAG_INT, &o.seconds},
                          {"--json", FLAG_BOOL, &o.json},
                          {"--csv", FLAG_BOOL, &o.csv},
                          {"--markdown", FLAG_BOOL, &o.markdown},
                          {"--list", FLAG_BOOL, &o.list},
                          {"--quiet", FLAG_BOOL, &o.quiet},
                          {NULL, FLAG_BOOL, NULL}};
    int words;
    Store *s;
    if (!flags_read(flags, argc, argv, &words, e)) return e->code;
    if (o.list) {
        list(stdout);
        return EXIT_DONE;
    }
    if (!words || o.limit < 0 || o.seconds < 0 || o.json + o.csv + o.markdown > 1) {
        fail(e, EXIT_USAGE,
             words ? "command line: query: one form, and bounds from 0 (sinklab query --help)"
                   : "command line: query takes a NAME or SQL (sinklab query --list)");
        return e->code;
    }
    if (!store_open(&s, o.db, STORE_READ, e)) return e->code;
    bool ok = answer(s, &o, words, argv, e);
    store_close(s);
    return ok ? EXIT_DONE : e->code;
}

const Command query_command = {
    .name = "query",
    .usage = "NAME|SQL [name=value ...]",
    .summary = "one question to results.db, which only reads: a query by its name, a table or view, or SQL",
    .options = "  name=value     what :name in the query is\n"
               "  --list         the queries that have names, with their questions\n"
               "  --limit N      at most N rows (default 1000; 0: all)\n"
               "  --seconds N    at most so long (default 60; 0: for ever)\n"
               "  --csv          as CSV, with full precision\n"
               "  --json         as JSON\n"
               "  --markdown     as a table for a document\n"
               "  --db PATH      results (default results.db)\n"
               "  --quiet        no word of rows beyond the limit, or of none\n\n"
               "  curve, head and result are views for people, about says what each column is:\n"
               "  sinklab query \"SELECT lr, avg(val_loss_late) FROM result GROUP BY lr\"\n",
    .list = list,
    .run = query_main,
};
