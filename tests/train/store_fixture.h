/* Owns: what tests of the database share: a temporary folder, identities of runs, asking one value.
 * Does not own: any expectation. */
#ifndef SINKLAB_STORE_FIXTURE_H
#define SINKLAB_STORE_FIXTURE_H

#include "train/store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Place {
    char folder[64], db[96];
} Place;

static inline Place place_make(void) {
    Place p;
    strcpy(p.folder, "/tmp/sinklab-store-XXXXXX");
    assert_non_null(mkdtemp(p.folder));
    snprintf(p.db, sizeof p.db, "%s/results.db", p.folder);
    return p;
}

static inline void place_remove(const Place *p) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", p->folder);
    assert_int_equal(system(command), 0);
}

static inline Store *open_or_fail(const char *path, StoreMode mode) {
    Store *s = NULL;
    Error e = {0};
    if (!store_open(&s, path, mode, &e)) fail_msg("%s", e.text);
    return s;
}

/* Asserts that a call of the store went well, and says why when it did not. */
#define OK(call)                                                                                             \
    do {                                                                                                     \
        Error e = {0};                                                                                       \
        if (!(call)) fail_msg("%s: %s", #call, e.text);                                                      \
    } while (0)

/* `key` must outlive the identity. */
static inline RunIdentity identity(const char *key, const char *variant, int64_t seed, const char *config) {
    return (RunIdentity){.key = key,
                         .variant = variant,
                         .label = "",
                         .seed = seed,
                         .config = config,
                         .host = "here",
                         .cpu = "some cpu",
                         .blas_arch = "generic",
                         .git = "abc",
                         .corpus = "words",
                         .licence = "unknown",
                         .corpus_hash = "c0ffee",
                         .tokenizer_hash = "70c3",
                         .threads = 1,
                         .steps = 100,
                         .parameters = 1000,
                         .flops_per_token = 6000};
}

/* Claims a run that must be free and returns its id. */
static inline Claim claim_or_fail(Store *s, const RunIdentity *id) {
    Claim c;
    OK(store_claim(s, id, false, false, &c, &e));
    assert_int_equal(c.result, CLAIM_TAKEN);
    return c;
}

/* The first column of the first row as text in `out`; "(none)" without a row, "NULL" for NULL. */
static inline const char *ask(Store *s, const char *sql, char out[256]) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(store_db(s), sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(store_db(s)));
    const char *text = "(none)";
    if (sqlite3_step(q) == SQLITE_ROW) text = (const char *)sqlite3_column_text(q, 0);
    snprintf(out, 256, "%s", text ? text : "NULL");
    sqlite3_finalize(q);
    return out;
}

#define ASK(store, sql, expected)                                                                            \
    do {                                                                                                     \
        char answer[256];                                                                                    \
        assert_string_equal(ask(store, sql, answer), expected);                                              \
    } while (0)

static inline void run_sql(Store *s, const char *sql) {
    char *message = NULL;
    if (sqlite3_exec(store_db(s), sql, NULL, NULL, &message) != SQLITE_OK) fail_msg("%s: %s", sql, message);
}

#endif
