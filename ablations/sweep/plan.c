#include "ablations/sweep/plan.h"

#include "data/base/files.h"
#include "train/optim/schedule.h"
#include "train/store/column.h"
#include "train/when_due.h"

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

/* Rows of step_head and eval_head by a measured 40 and 120 bytes. */
static double rows_bytes(const Config *c) {
    enum { EVALUATIONS = 80, PROBES = 3 };
    double heads = (double)(c->model.layers * c->model.heads), steps = (double)c->train.steps;
    return steps * (60 + 40 * heads) + EVALUATIONS * PROBES * (200 + 120 * heads);
}

/* Two checkpoints of weights and two moments, a third where a longer run can go on from before the end, and
 * the weights of those that run.keep keeps besides the last. */
static double checkpoints_bytes(const Config *c, const RunSize *size) {
    enum { WHOLE = 2, FLOATS = 3 };
    int64_t every = when_due_every(c->run.checkpoint_every, c->train.steps);
    int64_t kept = when_due_kept_count(c->train.steps, every, &c->run.keep);
    int64_t branch = schedule_branch(&c->optim, c->train.steps);
    int whole = WHOLE + (branch && branch < c->train.steps);
    return (whole * FLOATS + (double)(kept - 1)) * 4.0 * (double)size->parameters;
}

Config plan_settled(const PlannedRun *r) {
    Config here = r->config;
    config_settle(&here);
    return here;
}

/* `twin`: a run that differs in nothing but the seed; NULL: none before. */
static bool plan_run(PlannedRun *r, const PlannedRun *twin, Dataset *data, Error *e) {
    const DatasetInfo *info = dataset_info(data);
    const Config *c = &r->config;
    if (!run_init_hash(&r->config, e)) return false;
    Config here = plan_settled(r);
    int T = (int)c->model.context;
    config_key(&here, info->corpus_hash, info->tokenizer_hash, r->key);
    memset(here.variant, 0, sizeof here.variant);
    config_key(&here, info->corpus_hash, info->tokenizer_hash, r->key_without_variant);
    if (!*r->key || !*r->key_without_variant) return fail(e, EXIT_FAILED, "sweep: out of memory");
    memcpy(r->licence, info->licence, sizeof r->licence);
    r->tokens = (double)c->train.steps * (double)c->train.batch_tokens;
    if (twin)
        r->size = twin->size;
    else if (!dataset_check(data, T, c->train.batch_tokens / T, e) ||
             !run_size(c, info->vocab, 1, &r->size, e))
        return false;
    r->rows_disk = rows_bytes(c);
    r->checkpoints_disk = checkpoints_bytes(c, &r->size);
    return true;
}

static bool plan_runs(Plan *p, Texts *t, const char *cache, void (*say)(const char *line), Error *e) {
    for (int i = 0; i < p->runs; i++) {
        Dataset *data;
        Error why = {0};
        char label[LABEL_TEXT];
        PlannedRun *r = &p->run[i];
        const PlannedRun *twin = i % p->sweep->seeds ? r - 1 : NULL;
        if (!sweep_config(p->sweep, i, &r->config, e)) return false;
        if (open_text(t, &r->config.data, cache, say, &data, &why) && plan_run(r, twin, data, &why)) continue;
        sweep_label(p->sweep, i, LABEL_ALL, label);
        return fail(e, why.code, "%s: run %d (%s): %s", p->sweep->path, i, label, why.text);
    }
    return true;
}

static int by_deed(const void *a, const void *b) {
    const PlannedRun *const *x = a, *const *y = b;
    int order = strcmp((*x)->key_without_variant, (*y)->key_without_variant);
    return order ? order : (*x > *y) - (*x < *y);
}

/* The pair of equal runs whose first comes first. */
static bool refuse_twins(const Plan *p, Error *e) {
    const PlannedRun **sorted = calloc((size_t)p->runs, sizeof *sorted), *first = NULL, *second = NULL;
    if (!sorted) return fail(e, EXIT_FAILED, "sweep: out of memory");
    for (int i = 0; i < p->runs; i++) sorted[i] = &p->run[i];
    qsort(sorted, (size_t)p->runs, sizeof *sorted, by_deed);
    for (int i = 1; i < p->runs; i++)
        if (!strcmp(sorted[i - 1]->key_without_variant, sorted[i]->key_without_variant) &&
            (!first || sorted[i - 1] < first))
            first = sorted[i - 1], second = sorted[i];
    free(sorted);
    if (!first) return true;
    return fail(e, EXIT_USAGE, "%s: runs %d and %d are one and the same run (%s)", p->sweep->path,
                (int)(first - p->run), (int)(second - p->run),
                strcmp(first->key, second->key) ? "two variants whose difference another key takes back?"
                                                : "an axis that changes nothing?");
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

static bool create(Plan *p, const Sweep *s, Error *e) {
    *p = (Plan){.sweep = s, .runs = sweep_runs(s)};
    p->run = calloc((size_t)p->runs, sizeof *p->run);
    if (!p->run) return fail(e, EXIT_FAILED, "sweep: out of memory");
    for (int i = 0; i < p->runs; i++) strcpy(p->run[i].status, "new");
    return true;
}

bool plan_make_known(Plan *p, const Sweep *s, Error *e) {
    bool ok = create(p, s, e);
    for (int i = 0; ok && i < p->runs; i++) ok = sweep_config(s, i, &p->run[i].config, e);
    if (!ok) plan_free(p);
    return ok;
}

bool plan_make(Plan *p, const Sweep *s, const char *cache, void (*say)(const char *line), Error *e) {
    Texts texts = {0};
    if (!create(p, s, e)) return false;
    bool ok = plan_runs(p, &texts, cache, say, e);
    if (ok) say_settled(p);
    ok = ok && refuse_twins(p, e);
    close_texts(&texts);
    if (!ok) plan_free(p);
    return ok;
}

void plan_free(Plan *p) {
    free(p->run);
    free(p->orphan);
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
        snprintf(r->status, sizeof r->status, "%s", column_text(find, 0));
        r->step = sqlite3_column_int64(find, 1);
        /* A run with status running may be dead, a queued one just have been taken: the lock tells. */
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

/* ---- runs of results files, of another version of the text ---- */

static const char texts_sql[] =
    "SELECT DISTINCT corpus_hash, tokenizer_hash FROM run"
    " WHERE origin IS NOT NULL AND corpus_hash IS NOT NULL AND tokenizer_hash IS NOT NULL";

/* Looks for the run under the key that it has with each text that results were made from. */
static bool look_elsewhere(Plan *p, PlannedRun *r, sqlite3_stmt *texts, sqlite3_stmt *find, Store *s,
                           Error *e) {
    PlannedRun there = *r;
    Config here = plan_settled(r);
    int result;
    while (!strcmp(there.status, "new") && (result = sqlite3_step(texts)) == SQLITE_ROW) {
        config_key(&here, column_text(texts, 0), column_text(texts, 1), there.key);
        if (!look(&there, find, s, e)) return false;
    }
    bool found = strcmp(there.status, "new");
    sqlite3_reset(texts);
    if (!found) return result == SQLITE_DONE || store_failed(s, "results: sweep", e);
    *r = there;
    p->adopted++;
    return true;
}

static bool adopt_runs(Plan *p, sqlite3_stmt *find, Store *s, Error *e) {
    sqlite3_stmt *texts;
    if (!prepare(s, texts_sql, &texts, e)) return false;
    bool ok = true;
    for (int i = 0; ok && i < p->runs; i++)
        if (!strcmp(p->run[i].status, "new")) ok = look_elsewhere(p, &p->run[i], texts, find, s, e);
    sqlite3_finalize(texts);
    return ok;
}

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

static bool add_orphan(Plan *p, sqlite3_stmt *row, Error *e) {
    if (has_key(p, column_text(row, 0))) return true;
    if (!memory_grow((void **)&p->orphan, p->orphans + 1, sizeof *p->orphan, e)) return false;
    Orphan *o = &p->orphan[p->orphans++];
    snprintf(o->key, sizeof o->key, "%s", column_text(row, 0));
    snprintf(o->label, sizeof o->label, "%s", column_text(row, 1));
    snprintf(o->status, sizeof o->status, "%s", column_text(row, 2));
    o->seed = sqlite3_column_int64(row, 3);
    p->edited = p->edited || sqlite3_column_int(row, 4);
    return true;
}

static const char orphans_sql[] =
    "SELECT r.key, coalesce(c.label, 'all'), r.status, r.seed, 1 FROM sweep AS w"
    " JOIN sweep_run AS s ON s.sweep = w.id JOIN run AS r ON r.id = s.run"
    " LEFT JOIN sweep_cell AS c ON c.sweep = s.sweep AND c.\"index\" = s.\"index\" WHERE w.name = ?1"
    " UNION ALL SELECT r.key, o.label, r.status, r.seed, 0 FROM sweep AS w"
    " JOIN sweep_orphan AS o ON o.sweep = w.id JOIN run AS r ON r.id = o.run WHERE w.name = ?1";

static bool look_for_orphans(Plan *p, Store *s, Error *e) {
    sqlite3_stmt *rows;
    int result;
    bool ok = true;
    if (!prepare(s, orphans_sql, &rows, e)) return false;
    sqlite3_bind_text(rows, 1, p->sweep->name, -1, SQLITE_STATIC);
    p->orphans = 0;
    while ((result = sqlite3_step(rows)) == SQLITE_ROW && ok) ok = add_orphan(p, rows, e);
    ok = ok && (result == SQLITE_DONE || store_failed(s, "results: sweep", e));
    sqlite3_finalize(rows);
    return ok;
}

static bool look_at_text(Plan *p, Store *s, Error *e) {
    sqlite3_stmt *row;
    if (!prepare(s, "SELECT file <> ?2 FROM sweep WHERE name = ?1", &row, e)) return false;
    sqlite3_bind_text(row, 1, p->sweep->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(row, 2, p->sweep->text, -1, SQLITE_STATIC);
    int result = sqlite3_step(row);
    p->edited = p->rewritten = result == SQLITE_ROW && sqlite3_column_int(row, 0);
    bool ok = result == SQLITE_ROW || result == SQLITE_DONE || store_failed(s, "results: sweep", e);
    sqlite3_finalize(row);
    return ok;
}

bool plan_look(Plan *p, Store *s, Error *e) {
    sqlite3_stmt *find;
    if (!s) return true;
    if (!prepare(s, find_run, &find, e)) return false;
    bool ok = true;
    for (int i = 0; ok && i < p->runs; i++) ok = look(&p->run[i], find, s, e);
    ok = ok && adopt_runs(p, find, s, e);
    sqlite3_finalize(find);
    return ok && look_at_text(p, s, e) && look_for_orphans(p, s, e);
}
