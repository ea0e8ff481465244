/* Owns: sweeps planted in a database without running anything. Does not own: any expectation. */
#ifndef SINKLAB_SWEEP_FIXTURE_H
#define SINKLAB_SWEEP_FIXTURE_H

#include "tests/train/store_fixture.h"

#include <math.h>

typedef struct Planted {
    const char *name;
    int64_t id;
    int runs;
} Planted;

static inline void plant_row(Store *s, const char *sql, const char *types, ...) {
    sqlite3_stmt *q = NULL;
    va_list args;
    if (sqlite3_prepare_v2(store_db(s), sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(store_db(s)));
    va_start(args, types);
    for (int i = 0; types[i]; i++) {
        if (types[i] == 'i') sqlite3_bind_int64(q, i + 1, va_arg(args, int64_t));
        if (types[i] == 'd') sqlite3_bind_double(q, i + 1, va_arg(args, double));
        if (types[i] == 't') sqlite3_bind_text(q, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
    }
    va_end(args);
    if (sqlite3_step(q) != SQLITE_DONE) fail_msg("%s: %s", sql, sqlite3_errmsg(store_db(s)));
    sqlite3_finalize(q);
}

/* One expectation, of val_loss; the baseline is the side "none". */
static inline Planted plant_sweep(Store *s, const char *name, double beyond, const char *direction) {
    plant_row(s, "INSERT INTO sweep (name, file) VALUES (?1, '')", "t", name);
    Planted p = {name, sqlite3_last_insert_rowid(store_db(s)), 0};
    plant_row(s, "INSERT INTO sweep_expect VALUES (?1, 0, 'val_loss', ?2, ?3, 'none', NULL)", "itd", p.id,
              direction, beyond);
    return p;
}

/* A finished run with that loss at its one evaluation, or a diverged one (NAN). Its key is SWEEP.CELL.SEED.
 */
static inline void plant_run(Store *s, Planted *p, const char *side, int cell, int64_t seed, bool judges,
                             double val_loss) {
    char key[64];
    int64_t index = p->runs++;
    snprintf(key, sizeof key, "%s.%d.%lld", p->name, cell, (long long)seed);
    plant_row(
        s,
        "INSERT INTO run (key, variant, seed, config, status, steps, parameters) VALUES (?1, ?2, ?3, '{}',"
        " ?4, 100, 1000)",
        "ttit", key, side, seed, isnan(val_loss) ? "diverged" : "done");
    int64_t run = sqlite3_last_insert_rowid(store_db(s));
    plant_row(s, "INSERT INTO sweep_run VALUES (?1, ?2, ?3)", "iii", p->id, index, run);
    plant_row(s, "INSERT INTO sweep_cell VALUES (?1, ?2, ?3, ?4, ?4, 'all', ?5)", "iiiti", p->id, index,
              (int64_t)cell, side, (int64_t)judges);
    plant_row(s,
              "INSERT INTO eval (run_id, step, probe, T, val_loss, val_loss_late, val_loss_16k)"
              " VALUES (?1, 100, 'main', 32, ?2, ?2, ?2)",
              "id", run, val_loss);
}

#endif
