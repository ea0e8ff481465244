/* Owns: what results.db is told of a sweep: its text, its places, its expectations, which runs they are.
 * Does not own: the runs' own rows (train/store/store.h), what is made of it (the views of train/schema.sql).
 */
#include "ablations/sweep/plan.h"
#include "ablations/sweep/student_t.h"

#include <stdlib.h>
#include <string.h>

/* ---- statements, whose first parameter is the sweep ---- */

static sqlite3_stmt *prepare(Store *s, const char *sql, int64_t sweep, Error *e) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(store_db(s), sql, -1, &statement, NULL) != SQLITE_OK) {
        store_failed(s, "results: sweep", e);
        return NULL;
    }
    sqlite3_bind_int64(statement, 1, sweep);
    return statement;
}

static bool finish(Store *s, sqlite3_stmt *statement, Error *e) {
    bool ok = sqlite3_step(statement) == SQLITE_DONE || store_failed(s, "results: sweep", e);
    sqlite3_finalize(statement);
    return ok;
}

static bool execute(Store *s, const char *sql, Error *e) {
    return sqlite3_exec(store_db(s), sql, NULL, NULL, NULL) == SQLITE_OK ||
           store_failed(s, "results: sweep", e);
}

/* ---- what the file says: every place, whether its run is there or not ---- */

static bool register_place(const Sweep *sweep, int index, int64_t id, Store *s, Error *e) {
    char label[3][LABEL_TEXT];
    sqlite3_stmt *add =
        prepare(s, "INSERT OR REPLACE INTO sweep_cell VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", id, e);
    if (!add) return false;
    sweep_label(sweep, index, LABEL_ALL, label[0]);
    sweep_label(sweep, index, PLACE_SIDE, label[1]);
    sweep_label(sweep, index, PLACE_STRATUM, label[2]);
    sqlite3_bind_int(add, 2, index);
    sqlite3_bind_int(add, 3, sweep_cell(sweep, index));
    for (int i = 0; i < 3; i++) sqlite3_bind_text(add, 4 + i, label[i], -1, SQLITE_STATIC);
    sqlite3_bind_int(add, 7, sweep_judges(sweep, index));
    return finish(s, add, e);
}

/* Comparisons that share the 5 %: expectations times sides and strata beside the baseline's; a query is one.
 */
static int comparisons(const Sweep *s) {
    int64_t n = 0, queries = 0;
    for (int i = 0; i < s->expectations; i++) s->expect[i].query ? queries++ : n++;
    for (int i = 0; i < s->places; i++)
        if (s->place[i].role != PLACE_TUNED)
            n *= s->place[i].role == PLACE_SIDE ? s->place[i].n - 1 : s->place[i].n;
    n += queries;
    return n > 1 ? (int)n : 1;
}

static bool register_places(const Sweep *sweep, int64_t id, Store *s, Error *e) {
    for (int i = 0; i < sweep_runs(sweep); i++)
        if (!register_place(sweep, i, id, s, e)) return false;
    return t_quantile_fill(s, comparisons(sweep), e);
}

/* The side of the baseline as sweep_cell has it. */
static void baseline_side(const Sweep *s, char side[LABEL_TEXT]) {
    strcpy(side, "all");
    for (int i = 0; i < sweep_runs(s); i += s->seeds)
        if (!strcmp(sweep_value(s, i, s->side), s->axis[s->side].value[s->baseline].text)) {
            sweep_label(s, i, PLACE_SIDE, side);
            return;
        }
}

static bool register_expectations(const Sweep *sweep, int64_t id, Store *s, Error *e) {
    for (int i = 0; i < sweep->expectations; i++) {
        const Expectation *x = &sweep->expect[i];
        char side[LABEL_TEXT] = "";
        sqlite3_stmt *add = prepare(s, "INSERT INTO sweep_expect VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", id, e);
        if (!add) return false;
        if (!x->query) baseline_side(sweep, side);
        sqlite3_bind_int(add, 2, i);
        sqlite3_bind_text(add, 3, x->metric, -1, SQLITE_STATIC);
        sqlite3_bind_text(add, 4, x->lower ? "lower" : "higher", -1, SQLITE_STATIC);
        sqlite3_bind_double(add, 5, x->by);
        sqlite3_bind_text(add, 6, side, -1, SQLITE_STATIC);
        sqlite3_bind_text(add, 7, x->asks, -1, SQLITE_STATIC);
        if (!finish(s, add, e)) return false;
    }
    return true;
}

static bool register_claim(const Sweep *sweep, int64_t id, Store *s, Error *e) {
    sqlite3_stmt *set = prepare(s, "UPDATE sweep SET claim = ?2, source = ?3 WHERE id = ?1", id, e);
    if (!set) return false;
    sqlite3_bind_text(set, 2, sweep->claim, -1, SQLITE_STATIC);
    sqlite3_bind_text(set, 3, sweep->source, -1, SQLITE_STATIC);
    return finish(s, set, e);
}

/* ---- its runs ---- */

static bool enqueue(const PlannedRun *r, Store *s, Error *e) {
    Config here = plan_settled(r);
    char *json = config_json(&here, true);
    int64_t run;
    if (!json) return fail(e, EXIT_FAILED, "sweep: out of memory");
    RunIdentity id = {.key = r->key,
                      .variant = r->config.variant,
                      .label = r->config.label,
                      .seed = r->config.seed,
                      .config = json,
                      .corpus = r->config.data.source,
                      .licence = r->licence,
                      .steps = r->config.train.steps,
                      .parameters = r->size.parameters,
                      .flops_per_token = r->size.flops_per_token};
    bool ok = store_enqueue(s, &id, &run, e);
    free(json);
    return ok;
}

/* A place's run is the one of its key, whoever brought it; one that is not there yet has no row. */
static bool link_run(const PlannedRun *r, int index, int64_t id, Store *s, Error *e) {
    sqlite3_stmt *add = prepare(
        s, "INSERT INTO sweep_run (sweep, \"index\", run) SELECT ?1, ?2, id FROM run WHERE key = ?3", id, e);
    if (!add) return false;
    sqlite3_bind_int(add, 2, index);
    sqlite3_bind_text(add, 3, r->key, -1, SQLITE_STATIC);
    return finish(s, add, e);
}

static bool register_runs(const Plan *p, int only, int64_t id, Store *s, Error *e) {
    for (int i = 0; i < p->runs; i++) {
        bool wanted = only < 0 || i == only;
        if ((wanted && !enqueue(&p->run[i], s, e)) || !link_run(&p->run[i], i, id, s, e)) return false;
    }
    return true;
}

/* ---- the whole ---- */

/* Deletes the places, expectations and answers of an earlier text of the file, of other words or of another
 * base; the runs of those places stay known as orphans. */
static const char *const forget[] = {
    "INSERT OR REPLACE INTO sweep_orphan SELECT s.sweep, s.run, coalesce(c.label, 'all') FROM sweep_run AS s"
    " LEFT JOIN sweep_cell AS c USING (sweep, \"index\") WHERE s.sweep = ?1",
    "DELETE FROM sweep_answer WHERE sweep = ?1",
    "DELETE FROM sweep_expect WHERE sweep = ?1",
    "DELETE FROM sweep_cell WHERE sweep = ?1",
    "DELETE FROM sweep_run WHERE sweep = ?1",
    NULL};
/* Orphans that are runs of the sweep again are orphans no more. */
static const char *const adopt[] = {
    "DELETE FROM sweep_orphan WHERE sweep = ?1 AND run IN (SELECT run FROM sweep_run WHERE sweep = ?1)",
    NULL};

static bool each(const char *const *steps, int64_t id, Store *s, Error *e) {
    for (; *steps; steps++) {
        sqlite3_stmt *step = prepare(s, *steps, id, e);
        if (!step || !finish(s, step, e)) return false;
    }
    return true;
}

static bool register_all(const Plan *p, int only, Store *s, Error *e) {
    const Sweep *sweep = p->sweep;
    int64_t id;
    return store_sweep(s, sweep->name, sweep->text, &id, e) && each(forget, id, s, e) &&
           register_claim(sweep, id, s, e) && register_expectations(sweep, id, s, e) &&
           register_places(sweep, id, s, e) && register_runs(p, only, id, s, e) && each(adopt, id, s, e);
}

/* Ends the transaction that work was done in. */
static bool end(bool ok, Store *s, Error *e) {
    if (ok && execute(s, "COMMIT", e)) return true;
    sqlite3_exec(store_db(s), "ROLLBACK", NULL, NULL, NULL);
    return false;
}

bool plan_register(const Plan *p, int only, Store *s, Error *e) {
    return execute(s, "BEGIN IMMEDIATE", e) && end(register_all(p, only, s, e), s, e);
}
