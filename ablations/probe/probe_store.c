#include "ablations/probe/probe_store.h"

#include "ablations/probe/control.h"
#include "ablations/probe/series.h"
#include "ablations/text_table.h"
#include "model/instruments/instrument.h"
#include "train/step.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Storing {
    ProbedModel *s;
    Store *store;
    FoundRun run;
    Claim claim;   /* of a series */
    Config c;      /* of the run */
    Tape *tape[2]; /* without --do, and under it */
    Evaluator *v;
    float *scratch;
} Storing;

static bool check_run(const ProbedModel *s, Error *e) {
    const ProbeOptions *o = s->o;
    if (o->text || o->sentence || o->ids)
        return fail(e, EXIT_USAGE, "--store: a run's figures are of its own held-out text, not of %s",
                    o->text  ? "--text"
                    : o->ids ? "--ids"
                             : "--sentence");
    if (o->tokens_per_step)
        return fail(e, EXIT_USAGE, "--tokens-per-step: run %.8s knows its own", s->from.key);
    return !s->remark || fail(e, EXIT_USAGE, "--store: run %.8s: %s", s->from.key, s->remark);
}

bool probe_store_check(const ProbedModel *s, const FoundModel *f, Error *e) {
    const ProbeOptions *o = s->o;
    if (!*s->from.key && !is_series(s, f))
        return fail(e, EXIT_USAGE,
                    "--store: the checkpoint is of no run (imported? give its folder and --steps)");
    if (*s->from.key && !check_run(s, e)) return false;
    if (o->changes.n && !*s->done)
        return fail(e, EXIT_USAGE, "--store: the text of --do is longer than the %d bytes of a name",
                    CHANGES_TEXT - 1);
    return s->c.train.precision != PRECISION_BF16 || trainer_in_bf16(&s->c) ||
           fail(e, EXIT_USAGE,
                "--store: %s was trained in bf16, which this CPU lacks: its figures would differ",
                s->from.path);
}

static bool open_run(Storing *t, const FoundModel *f, Error *e) {
    const ProbedModel *s = t->s;
    const char *db = s->o->db;
    bool series = is_series(s, f);
    if (!series && access(db, F_OK)) return fail(e, EXIT_USAGE, "--store: %s: there is none (--db PATH)", db);
    return store_open(&t->store, db, STORE_WRITE, e) &&
           (series ? series_claim(s, f, t->store, &t->c, &t->run, &t->claim, e)
                   : store_find(t->store, s->from.key, &t->run, e));
}

/* Those of training, on data that are here; else one that has all rows of a probe in flight, without a way
 * back. What averages over the rows of a pass meets all rows of a probe in one, as in the sheets. */
static bool create_tapes(Storing *t, Error *e) {
    ProbedModel *s = t->s;
    ProbeRows room = probed_model_room(s);
    int T = (int)s->c.model.context, rows = trainer_rows_in_flight(&s->c, T);
    for (int i = 0; i < (s->o->changes.n ? 2 : 1); i++) {
        if (!s->data && !probed_model_tape(s, &room, i, false, &t->tape[i], e)) return false;
        if (!s->data) continue;
        if (i && s->of_batch) rows = s->main.rows;
        if (!trainer_tape_under(&t->tape[i], &s->c, s->m, i ? &s->changes : &(List){0}, rows, T, e))
            return false;
    }
    return true;
}

static bool create_evaluator(Storing *t, Error *e) {
    ProbedModel *s = t->s;
    if (!s->data) return evaluator_of_rows(&t->v, &t->c, s->m, &s->main, &s->other, &s->random, e);
    return ((t->scratch = model_arena(s->m)) || fail(e, EXIT_FAILED, "--store: out of memory")) &&
           evaluator_create(&t->v, &t->c, s->data, s->m, t->scratch, e);
}

/* A column has one definition a run: with every instrument its figures become those of today, else they stay.
 */
static bool settle_definitions(Storing *t, Error *e) {
    if (t->s->set & HEAVY) return store_renew(t->store, t->run.id, e);
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM outdated WHERE run_id = %lld", (long long)t->run.id);
    sqlite3_stmt *q = table_query(t->store, sql, NULL, e);
    if (!q) return false;
    int n = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int(q, 0) : 0;
    if (sqlite3_finalize(q) != SQLITE_OK) return store_failed(t->store, "results", e);
    if (n)
        fprintf(stderr,
                "sinklab: warning: run %.8s: %d figures stay those of an older definition (--heavy measures "
                "all)\n",
                t->run.key, n);
    return true;
}

static bool measure(Storing *t, Error *e) {
    ProbedModel *s = t->s;
    double rate;
    for (int changed = 0; changed < 2; changed++) {
        if (!t->tape[changed]) continue;
        evaluator_under(t->v, changed ? s->done : NULL, changed && s->no_bos);
        tape_pack(t->tape[changed], s->m, NULL);
        if (!evaluate(t->v, t->tape[changed], t->store, t->run.id, s->from.step, s->set, &rate, e))
            return false;
    }
    return store_flush(t->store, e);
}

static bool measure_all(Storing *t, const FoundModel *f, Error *e) {
    if (!*f->folder) return measure(t, e);
    for (int i = 0; i < f->n; i++)
        if (!probed_model_load(t->s, f, i, e) || !measure(t, e)) return false;
    return true;
}

/* ---- what was stored, for people ---- */

#define PAIR(figure) "u." figure ", c." figure " AS \"" figure " after\""

static char *table_sql(const Storing *t, const FoundModel *f) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    bool changed = t->tape[1];
    sqlite3_str_appendall(
        sql, changed ? "SELECT u.step, " PAIR("val_loss") ", " PAIR("sink_rate_03") ", " PAIR(
                           "sink_mass") ", " PAIR("value_drain") ", " PAIR("norm_ratio")
                     : "SELECT u.step, u.val_loss, u.sink_rate_03, u.sink_mass, u.value_drain, u.norm_ratio");
    sqlite3_str_appendall(sql, " FROM eval AS u");
    if (changed)
        sqlite3_str_appendf(
            sql, " JOIN eval AS c ON c.run_id = u.run_id AND c.step = u.step AND c.probe = 'main do %q'",
            t->s->done);
    sqlite3_str_appendf(sql, " WHERE u.run_id = %lld AND u.probe = 'main' AND u.step IN (",
                        (long long)t->run.id);
    for (int i = 0; i < f->n; i++)
        sqlite3_str_appendf(sql, "%s%lld", i ? ", " : "", (long long)f->at[i].step);
    sqlite3_str_appendall(sql, ") ORDER BY u.step");
    return sqlite3_str_finish(sql);
}

static bool show(Storing *t, const FoundModel *f, Error *e) {
    const ProbeOptions *o = t->s->o;
    bool ok = true;
    if (f->n > 1) {
        char *sql = table_sql(t, f);
        ok = table_of(stdout, t->store, sql, NULL, o->json ? TABLE_JSON : TABLE_TEXT, e);
        sqlite3_free(sql);
    }
    if (ok && !o->json && !o->quiet)
        printf("%s: run %.8s, %d step%s: main%s%s stored\n", o->db, t->run.key, f->n > 1 ? f->n : 1,
               f->n > 1 ? "s" : "", t->tape[1] ? " and main do " : "", t->tape[1] ? t->s->done : "");
    return ok;
}

bool probe_store(ProbedModel *s, const FoundModel *f, Error *e) {
    Storing t = {.s = s, .c = s->c, .claim.lock = -1};
    bool ok = open_run(&t, f, e) && create_tapes(&t, e) && create_evaluator(&t, e) &&
              settle_definitions(&t, e) && measure_all(&t, f, e);
    ok = ok && (!s->control.n || control_steps(s, f, t.store, t.run.id, e));
    ok = series_end(t.store, &t.claim, f, ok, e) && show(&t, f, e);
    evaluator_free(t.v);
    free(t.scratch);
    for (int i = 0; i < 2; i++) tape_free(t.tape[i]);
    store_close(t.store);
    return ok;
}
