#include "ablations/plan.h"

#include "ablations/student.h"
#include "data/base/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts: each opened once ---- */

typedef struct Texts {
    DataConfig *config;
    Dataset **data;
    int n;
} Texts;

static bool open_text(Texts *t, const DataConfig *c, const char *cache, void (*say)(const char *line),
                      Dataset **out, Error *e) {
    for (int i = 0; i < t->n; i++)
        if (!memcmp(&t->config[i], c, sizeof *c)) {
            *out = t->data[i];
            return true;
        }
    if (!memory_grow((void **)&t->config, t->n + 1, sizeof *t->config, e) ||
        !memory_grow((void **)&t->data, t->n + 1, sizeof *t->data, e) || !dataset_open(out, c, cache, say, e))
        return false;
    memcpy(&t->config[t->n], c, sizeof *c);
    t->data[t->n++] = *out;
    return true;
}

static void close_texts(Texts *t) {
    for (int i = 0; i < t->n; i++) dataset_close(t->data[i]);
    free(t->data);
    free(t->config);
}

/* ---- runs ---- */

/* Bytes on disk: rows of step_head and eval_head by a measured 40 and 120 bytes, and two checkpoints
 * of weights and two moments. */
static double disk_bytes(const Config *c, const RunSize *size) {
    enum { EVALUATIONS = 80, PROBES = 3, CHECKPOINTS = 2, FLOATS = 3 };
    double heads = (double)(c->model.layers * c->model.heads), steps = (double)c->train.steps;
    return steps * (60 + 40 * heads) + EVALUATIONS * PROBES * (200 + 120 * heads) +
           CHECKPOINTS * FLOATS * 4.0 * (double)size->parameters;
}

/* What the run will be here. Its process is given what was asked for, settles that by itself and says so. */
static Config settled(const PlannedRun *r) {
    Config here = r->config;
    config_settle(&here);
    return here;
}

static bool plan_run(PlannedRun *r, Dataset *data, Error *e) {
    const DatasetInfo *info = dataset_info(data);
    const Config *c = &r->config, here = settled(r);
    int T = (int)c->model.context;
    config_key(&here, info->corpus_hash, info->tokenizer_hash, r->key);
    if (!*r->key) return fail(e, EXIT_FAILED, "sweep: out of memory");
    memcpy(r->licence, info->licence, sizeof r->licence);
    r->tokens = (double)c->train.steps * (double)c->train.batch_tokens;
    if (!dataset_check(data, T, c->train.batch_tokens / T, e) || !run_size(c, info->vocab, &r->size, e))
        return false;
    r->disk = disk_bytes(c, &r->size);
    return true;
}

static bool plan_runs(Plan *p, Texts *t, const char *cache, void (*say)(const char *line), Error *e) {
    for (int i = 0; i < p->runs; i++) {
        Dataset *data;
        Error why = {0};
        char label[LABEL_TEXT];
        if (!sweep_config(p->sweep, i, &p->run[i].config, e)) return false;
        if (open_text(t, &p->run[i].config.data, cache, say, &data, &why) && plan_run(&p->run[i], data, &why))
            continue;
        sweep_label(p->sweep, i, LABEL_ALL, label);
        return fail(e, why.code, "%s: run %d (%s): %s", p->sweep->path, i, label, why.text);
    }
    return true;
}

static int by_key(const void *a, const void *b) {
    const PlannedRun *const *x = a, *const *y = b;
    int order = strcmp((*x)->key, (*y)->key);
    return order ? order : (*x > *y) - (*x < *y);
}

/* The pair of equal runs whose first comes first. */
static bool refuse_twins(const Plan *p, Error *e) {
    const PlannedRun **sorted = calloc((size_t)p->runs, sizeof *sorted), *first = NULL, *second = NULL;
    if (!sorted) return fail(e, EXIT_FAILED, "sweep: out of memory");
    for (int i = 0; i < p->runs; i++) sorted[i] = &p->run[i];
    qsort(sorted, (size_t)p->runs, sizeof *sorted, by_key);
    for (int i = 1; i < p->runs; i++)
        if (!strcmp(sorted[i - 1]->key, sorted[i]->key) && (!first || sorted[i - 1] < first))
            first = sorted[i - 1], second = sorted[i];
    free(sorted);
    if (!first) return true;
    return fail(e, EXIT_USAGE, "%s: runs %d and %d are one and the same run (an axis that changes nothing?)",
                p->sweep->path, (int)(first - p->run), (int)(second - p->run));
}

/* Once, and whether or not progress is wanted: the runs' own words may go into their logs. */
static void say_settled(const Plan *p) {
    const char *line = NULL;
    for (int i = 0; !line && i < p->runs; i++) {
        Config here = p->run[i].config;
        line = config_settle(&here);
    }
    if (line) fprintf(stderr, "sinklab: %s: %s\n", p->sweep->path, line);
}

bool plan_make(Plan *p, const Sweep *s, const char *cache, void (*say)(const char *line), Error *e) {
    Texts texts = {0};
    *p = (Plan){.sweep = s, .runs = sweep_runs(s)};
    p->run = calloc((size_t)p->runs, sizeof *p->run);
    if (!p->run) return fail(e, EXIT_FAILED, "sweep: out of memory");
    for (int i = 0; i < p->runs; i++) strcpy(p->run[i].status, "new");
    bool ok = plan_runs(p, &texts, cache, say, e);
    if (ok) say_settled(p);
    ok = ok && refuse_twins(p, e);
    close_texts(&texts);
    if (!ok) plan_free(p);
    return ok;
}

void plan_free(Plan *p) {
    free(p->run);
    *p = (Plan){0};
}

/* ---- what the database holds ---- */

static bool prepare(Store *s, const char *sql, sqlite3_stmt **out, Error *e) {
    return sqlite3_prepare_v2(store_db(s), sql, -1, out, NULL) == SQLITE_OK ||
           store_failed(s, "results: sweep", e);
}

static bool look(PlannedRun *r, sqlite3_stmt *find, Store *s, Error *e) {
    sqlite3_bind_text(find, 1, r->key, -1, SQLITE_STATIC);
    int result = sqlite3_step(find);
    strcpy(r->status, "new");
    r->step = 0;
    if (result == SQLITE_ROW) {
        snprintf(r->status, sizeof r->status, "%s", (const char *)sqlite3_column_text(find, 0));
        r->step = sqlite3_column_int64(find, 1);
        /* What calls itself running may be dead; what is queued may just have been taken. */
        if (strcmp(r->status, "done") && store_alive(s, r->key))
            strcpy(r->status, "alive");
        else if (!strcmp(r->status, "running"))
            strcpy(r->status, "interrupted");
    }
    sqlite3_reset(find);
    return result == SQLITE_ROW || result == SQLITE_DONE || store_failed(s, "results: sweep", e);
}

static const char find_run[] =
    "SELECT status, (SELECT coalesce(max(step), 0) FROM step WHERE run_id = run.id) FROM run WHERE key = ?1";

bool plan_look_at(Plan *p, int index, Store *s, Error *e) {
    sqlite3_stmt *find;
    if (!prepare(s, find_run, &find, e)) return false;
    bool ok = look(&p->run[index], find, s, e);
    sqlite3_finalize(find);
    return ok;
}

static bool has_key(const Plan *p, const char *key) {
    for (int i = 0; i < p->runs; i++)
        if (!strcmp(p->run[i].key, key)) return true;
    return false;
}

static bool count_orphans(Plan *p, Store *s, Error *e) {
    sqlite3_stmt *known;
    if (!prepare(
            s,
            "SELECT r.key FROM run AS r JOIN sweep_run AS s ON s.run = r.id JOIN sweep AS w ON w.id = s.sweep"
            " WHERE w.name = ?1",
            &known, e))
        return false;
    sqlite3_bind_text(known, 1, p->sweep->name, -1, SQLITE_STATIC);
    p->orphans = 0;
    int result;
    while ((result = sqlite3_step(known)) == SQLITE_ROW)
        p->orphans += !has_key(p, (const char *)sqlite3_column_text(known, 0));
    sqlite3_finalize(known);
    return result == SQLITE_DONE || store_failed(s, "results: sweep", e);
}

bool plan_look(Plan *p, Store *s, Error *e) {
    sqlite3_stmt *find;
    if (!s) return true;
    if (!prepare(s, find_run, &find, e)) return false;
    bool ok = true;
    for (int i = 0; ok && i < p->runs; i++) ok = look(&p->run[i], find, s, e);
    sqlite3_finalize(find);
    return ok && count_orphans(p, s, e);
}

/* ---- registering ---- */

static bool finish(Store *s, sqlite3_stmt *statement, Error *e) {
    bool ok = sqlite3_step(statement) == SQLITE_DONE || store_failed(s, "results: sweep", e);
    sqlite3_finalize(statement);
    return ok;
}

static bool register_cell(const Plan *p, int index, int64_t sweep, Store *s, Error *e) {
    char label[3][LABEL_TEXT];
    sqlite3_stmt *add;
    sweep_label(p->sweep, index, LABEL_ALL, label[0]);
    sweep_label(p->sweep, index, PLACE_SIDE, label[1]);
    sweep_label(p->sweep, index, PLACE_STRATUM, label[2]);
    if (!prepare(s, "INSERT OR REPLACE INTO sweep_cell VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", &add, e))
        return false;
    sqlite3_bind_int64(add, 1, sweep);
    sqlite3_bind_int(add, 2, index);
    sqlite3_bind_int(add, 3, sweep_cell(p->sweep, index));
    for (int i = 0; i < 3; i++) sqlite3_bind_text(add, 4 + i, label[i], -1, SQLITE_STATIC);
    sqlite3_bind_int(add, 7, sweep_judges(p->sweep, index));
    return finish(s, add, e);
}

static bool register_run(const Plan *p, int index, int64_t sweep, Store *s, Error *e) {
    const PlannedRun *r = &p->run[index];
    Config here = settled(r);
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
    bool ok = store_enqueue(s, &id, &run, e) && store_sweep_run(s, sweep, index, run, e);
    free(json);
    return ok && register_cell(p, index, sweep, s, e);
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

static bool register_expectation(const Plan *p, int place, int64_t sweep, Store *s, Error *e) {
    const Expectation *x = &p->sweep->expect[place];
    char side[LABEL_TEXT];
    sqlite3_stmt *add;
    baseline_side(p->sweep, side);
    if (!prepare(s, "INSERT INTO sweep_expect VALUES (?1, ?2, ?3, ?4, ?5, ?6)", &add, e)) return false;
    sqlite3_bind_int64(add, 1, sweep);
    sqlite3_bind_int(add, 2, place);
    sqlite3_bind_text(add, 3, x->metric, -1, SQLITE_STATIC);
    sqlite3_bind_text(add, 4, x->lower ? "lower" : "higher", -1, SQLITE_STATIC);
    sqlite3_bind_double(add, 5, x->by);
    sqlite3_bind_text(add, 6, side, -1, SQLITE_STATIC);
    return finish(s, add, e);
}

/* The claim's texts, and nothing of what an earlier text of the file said. */
static bool renew(const Plan *p, int64_t sweep, bool keep_runs, Store *s, Error *e) {
    static const char *const forget[] = {"DELETE FROM sweep_expect WHERE sweep = ?1",
                                         "DELETE FROM sweep_cell WHERE sweep = ?1",
                                         "DELETE FROM sweep_run WHERE sweep = ?1"};
    sqlite3_stmt *set;
    if (!prepare(s, "UPDATE sweep SET claim = ?2, source = ?3 WHERE id = ?1", &set, e)) return false;
    sqlite3_bind_int64(set, 1, sweep);
    sqlite3_bind_text(set, 2, p->sweep->claim, -1, SQLITE_STATIC);
    sqlite3_bind_text(set, 3, p->sweep->source, -1, SQLITE_STATIC);
    if (!finish(s, set, e)) return false;
    for (int i = 0; i < (keep_runs ? 1 : 3); i++) {
        if (!prepare(s, forget[i], &set, e)) return false;
        sqlite3_bind_int64(set, 1, sweep);
        if (!finish(s, set, e)) return false;
    }
    return true;
}

/* Comparisons that share the 5 %: expectations times sides and strata beside the baseline's. */
static int comparisons(const Sweep *s) {
    int64_t n = s->expectations;
    for (int i = 0; i < s->places; i++)
        if (s->place[i].role != PLACE_TUNED)
            n *= s->place[i].role == PLACE_SIDE ? s->place[i].n - 1 : s->place[i].n;
    return n > 1 ? (int)n : 1;
}

static bool register_all(const Plan *p, int only, Store *s, Error *e) {
    int64_t sweep;
    if (!store_sweep(s, p->sweep->name, p->sweep->text, &sweep, e) || !renew(p, sweep, only >= 0, s, e) ||
        !student_fill(s, comparisons(p->sweep), e))
        return false;
    for (int i = 0; i < p->sweep->expectations; i++)
        if (!register_expectation(p, i, sweep, s, e)) return false;
    for (int i = 0; i < p->runs; i++)
        if ((only < 0 || i == only) && !register_run(p, i, sweep, s, e)) return false;
    return true;
}

static bool execute(Store *s, const char *sql, Error *e) {
    return sqlite3_exec(store_db(s), sql, NULL, NULL, NULL) == SQLITE_OK ||
           store_failed(s, "results: sweep", e);
}

bool plan_register(const Plan *p, int only, Store *s, Error *e) {
    if (!execute(s, "BEGIN IMMEDIATE", e)) return false;
    if (register_all(p, only, s, e) && execute(s, "COMMIT", e)) return true;
    sqlite3_exec(store_db(s), "ROLLBACK", NULL, NULL, NULL);
    return false;
}
