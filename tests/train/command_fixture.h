/* Owns: what tests of ./sinklab as a process share: a folder, words said, asking a database, equal results.
 * Does not own: any expectation, any command line. */
#ifndef SINKLAB_COMMAND_FIXTURE_H
#define SINKLAB_COMMAND_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Place {
    char folder[64];
} Place;

/* In memory where there is such a place: checkpoints are synced, and a busy disk makes that slow. */
static inline Place *place_make(const char *name) {
    Place *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    snprintf(p->folder, sizeof p->folder, "%s/sinklab-%s-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", name);
    if (mkdtemp(p->folder)) return p;
    free(p);
    return NULL;
}

static inline int place_remove(Place *p) {
    char command[160];
    snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s", p->folder, p->folder);
    free(p);
    return system(command);
}

static inline FILE *open_file(const Place *p, const char *name, const char *mode) {
    char path[160];
    snprintf(path, sizeof path, "%s/%s", p->folder, name);
    FILE *f = fopen(path, mode);
    if (!f) fail_msg("%s cannot be opened", path);
    return f;
}

/* The exit code of a line for the shell; a signal's number below zero. */
static inline int shell(const char *line) {
    int status = system(line);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* A file of the folder has these words. */
static inline void assert_file_says(const Place *p, const char *name, const char *words) {
    static char text[1 << 18]; /* a sweep of one job at a time says a lot */
    FILE *f = open_file(p, name, "r");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    if (!strstr(text, words)) fail_msg("not said: %s in: %s", words, text);
}

/* All that a query answers, columns ended by bars and rows by newlines. Writes when asked to. */
static inline char *ask(const Place *p, const char *db, const char *sql) {
    char path[160], *text = NULL;
    sqlite3 *handle;
    sqlite3_stmt *q;
    size_t length = 0;
    snprintf(path, sizeof path, "%s/%s", p->folder, db);
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(handle, 10000);
    if (sqlite3_prepare_v2(handle, sql, -1, &q, NULL) != SQLITE_OK) fail_msg("%s", sqlite3_errmsg(handle));
    FILE *out = open_memstream(&text, &length);
    while (sqlite3_step(q) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(q); i++)
            fprintf(out, "%s|", sqlite3_column_text(q, i) ? (const char *)sqlite3_column_text(q, i) : "");
        fputc('\n', out);
    }
    fclose(out);
    sqlite3_finalize(q);
    sqlite3_close(handle);
    return text;
}

static inline void assert_answer(const Place *p, const char *db, const char *sql, const char *expected) {
    char *text = ask(p, db, sql);
    assert_string_equal(text, expected);
    free(text);
}

/* Two databases hold the same figures, row for row, and not few. */
static inline void assert_same_results(const Place *p, const char *db, const char *other) {
    char *a = ask(p, db, "SELECT * FROM digest"), *b = ask(p, other, "SELECT * FROM digest");
    assert_true(strlen(a) > 10000);
    assert_string_equal(a, b);
    free(a);
    free(b);
}

#endif
