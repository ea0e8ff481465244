/* What a run measures, on its way into the database: gathered in memory, written batch by batch. */
#include "train/store/store_private.h"

#include "train/store/column.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH_STEPS = 20, FIGURE_NAME = 384 };
static const double BATCH_SECONDS = 1.0;

/* The first `keys` columns of a table are its primary key; 0: rows are only ever added. */
static const struct TableSpec {
    const char *name;
    int keys;
} table_specs[TABLES] = {
    [TABLE_STEP] = {"step", 2},
    [TABLE_STEP_HEAD] = {"step_head", 4},
    [TABLE_STEP_LAYER] = {"step_layer", 3},
    [TABLE_STEP_TENSOR] = {"step_tensor", 3},
    [TABLE_EVAL] = {"eval", 3},
    [TABLE_EVAL_LAYER] = {"eval_layer", 4},
    [TABLE_EVAL_HEAD] = {"eval_head", 5},
    [TABLE_EVAL_MASS] = {"eval_mass", 6},
    [TABLE_METRIC] = {"metric", 3},
    [TABLE_EVENT] = {"event", 0},
    [TABLE_MAP] = {"map", 6},
    [TABLE_MAP_TOKEN] = {"map_token", 4},
};

/* ---- statements ---- */

static bool read_columns(Store *s, Table *t, const char *name, Error *e) {
    sqlite3_stmt *info =
        store_prepare(s, e, "SELECT name, type FROM pragma_table_info(?1) WHERE name <> 'at'", "t", name);
    if (!info) return false;
    int result;
    while ((result = sqlite3_step(info)) == SQLITE_ROW && t->columns < COLUMNS_MAX) {
        snprintf(t->name[t->columns], COLUMN_NAME, "%s", column_text(info, 0));
        t->integer[t->columns++] = !strcmp(column_text(info, 1), "INTEGER");
    }
    return store_ended(s, info, result, e);
}

/* INSERT of all columns, by quoted names, since `update` is SQL's word too; where the row is there already,
 * what is not NULL replaces what it had. */
static char *insert_sql(const Table *t, const struct TableSpec *spec) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "INSERT %sINTO %s (", spec->keys ? "" : "OR IGNORE ", spec->name);
    for (int i = 0; i < t->columns; i++) sqlite3_str_appendf(sql, "%s\"%s\"", i ? ", " : "", t->name[i]);
    sqlite3_str_appendall(sql, ") VALUES (");
    for (int i = 0; i < t->columns; i++) sqlite3_str_appendf(sql, "%s?%d", i ? ", " : "", i + 1);
    sqlite3_str_appendall(sql, ")");
    for (int i = 0; i < spec->keys; i++)
        sqlite3_str_appendf(sql, "%s%s", i ? ", " : " ON CONFLICT (", t->name[i]);
    for (int i = spec->keys; spec->keys && i < t->columns; i++)
        sqlite3_str_appendf(sql, "%s\"%s\" = coalesce(excluded.\"%s\", \"%s\")",
                            i > spec->keys ? ", " : ") DO UPDATE SET ", t->name[i], t->name[i], t->name[i]);
    return sqlite3_str_finish(sql);
}

bool tables_open(Store *s, Error *e) {
    for (int i = 0; i < TABLES; i++) {
        Table *t = &s->table[i];
        if (!read_columns(s, t, table_specs[i].name, e)) return false;
        char *sql = insert_sql(t, &table_specs[i]);
        int result = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &t->insert, NULL);
        sqlite3_free(sql);
        if (result != SQLITE_OK) return store_failed(s, "results", e);
    }
    return true;
}

void tables_close(Store *s) {
    for (int i = 0; i < TABLES; i++) sqlite3_finalize(s->table[i].insert);
    free(s->batch.row);
    free(s->batch.cell);
    free(s->batch.text);
}

/* ---- the batch in memory ---- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *grow(void *array, size_t needed, size_t *room, size_t size) {
    if (needed <= *room) return array;
    *room = 2 * needed + 64;
    array = realloc(array, *room * size);
    if (!array) out_of_memory();
    return array;
}

/* Adds a row of NULLs and returns the index of its first cell. */
static size_t add_row(Store *s, TableId table) {
    Batch *b = &s->batch;
    size_t first = b->cells, columns = (size_t)s->table[table].columns;
    if (!b->rows) b->started = now();
    b->row = grow(b->row, b->rows + 1, &b->rows_room, sizeof *b->row);
    b->cell = grow(b->cell, first + columns, &b->cells_room, sizeof *b->cell);
    b->row[b->rows++] = (BatchRow){table, first};
    memset(b->cell + first, 0, columns * sizeof *b->cell);
    b->cells += columns;
    b->steps += table == TABLE_STEP;
    return first;
}

static void set_integer(Store *s, size_t cell, int64_t value) {
    s->batch.cell[cell] = (Cell){.type = CELL_INTEGER, .integer = value};
}

static void set_bytes(Store *s, size_t cell, const void *value, size_t bytes) {
    Batch *b = &s->batch;
    b->text = grow(b->text, b->bytes + bytes, &b->bytes_room, 1);
    memcpy(b->text + b->bytes, value, bytes);
    b->cell[cell] = (Cell){.type = CELL_BLOB, .bytes = (int)bytes, .text = b->bytes};
    b->bytes += bytes;
}

static void set_text(Store *s, size_t cell, const char *value) {
    set_bytes(s, cell, value, strlen(value));
    s->batch.cell[cell].type = CELL_TEXT;
}

/* A row of a table whose first columns are the run and the step. */
static size_t add_row_at(Store *s, TableId table, int64_t run, int64_t step) {
    size_t at = add_row(s, table);
    set_integer(s, at, run);
    set_integer(s, at + 1, step);
    return at;
}

static void add_event(Store *s, int64_t run, int64_t step, const char *kind, const char *detail) {
    size_t at = add_row_at(s, TABLE_EVENT, run, step);
    set_text(s, at + 2, kind);
    set_text(s, at + 3, detail);
}

/* A NAN leaves the cell NULL and gives an event; the index of events drops repeats. */
static void set_real(Store *s, size_t cell, double value, int64_t run, int64_t step, const char *name) {
    if (isnan(value))
        add_event(s, run, step, "nan", name);
    else
        s->batch.cell[cell] = (Cell){.type = CELL_REAL, .real = value};
}

/* The column of that name beyond the key, or -1. */
static int column_of(const Store *s, TableId table, const char *name) {
    for (int i = table_specs[table].keys; i < s->table[table].columns; i++)
        if (!strcmp(s->table[table].name[i], name)) return i;
    return -1;
}

/* Sets a figure in the row of a run and step that begins at cell `at`. */
static bool set_column(Store *s, TableId table, size_t at, const char *column, double value, Error *e) {
    char name[FIGURE_NAME];
    int i = column_of(s, table, column);
    snprintf(name, sizeof name, "%s.%s", table_specs[table].name, column);
    if (i < 0) return fail(e, EXIT_FAILED, "results: %s: there is no such column", name);
    if (!s->table[table].integer[i] || isnan(value))
        set_real(s, at + (size_t)i, value, s->batch.cell[at].integer, s->batch.cell[at + 1].integer, name);
    else if (value == rint(value) && fabs(value) < 9e15)
        set_integer(s, at + (size_t)i, (int64_t)value);
    else
        return fail(e, EXIT_FAILED, "results: %s: %g is no whole number (its column is INTEGER)", name,
                    value);
    return true;
}

/* ---- writing ---- */

static bool write_row(Store *s, const BatchRow *row) {
    const Table *t = &s->table[row->table];
    for (int i = 0; i < t->columns; i++) {
        const Cell *c = &s->batch.cell[row->cell + (size_t)i];
        switch (c->type) {
        case CELL_NULL:
            sqlite3_bind_null(t->insert, i + 1);
            break;
        case CELL_INTEGER:
            sqlite3_bind_int64(t->insert, i + 1, c->integer);
            break;
        case CELL_REAL:
            sqlite3_bind_double(t->insert, i + 1, c->real);
            break;
        case CELL_TEXT:
            sqlite3_bind_text(t->insert, i + 1, s->batch.text + c->text, c->bytes, SQLITE_STATIC);
            break;
        case CELL_BLOB:
            sqlite3_bind_blob(t->insert, i + 1, s->batch.text + c->text, c->bytes, SQLITE_STATIC);
            break;
        }
    }
    bool ok = sqlite3_step(t->insert) == SQLITE_DONE;
    sqlite3_reset(t->insert);
    return ok;
}

static bool write_rows(Store *s, Error *e) {
    int64_t beating = -1;
    for (size_t i = 0; i < s->batch.rows; i++) {
        const BatchRow *row = &s->batch.row[i];
        if (!write_row(s, row)) return store_failed(s, "results: write", e);
        int64_t run = s->batch.cell[row->cell].integer;
        if (run == beating) continue;
        beating = run;
        if (!store_finish(s,
                          store_prepare(s, e,
                                        "UPDATE run SET heartbeat = strftime('%Y-%m-%dT%H:%M:%SZ'),"
                                        " checkpoint = nullif(coalesce(?2, checkpoint), '') WHERE id = ?1",
                                        "it", run, s->batch.checkpoint),
                          NULL, e))
            return false;
    }
    return true;
}

bool store_flush(Store *s, Error *e) {
    if (!s->batch.rows) return true;
    if (!store_begin(s, e) || !store_end(s, write_rows(s, e), e)) return false;
    s->batch.rows = s->batch.cells = s->batch.bytes = 0;
    s->batch.steps = 0;
    s->batch.checkpoint = NULL;
    return true;
}

void store_checkpoint(Store *s, const char *path) {
    s->batch.checkpoint = path;
}

/* Called before a step's rows come, so that a batch ends between two steps. */
static bool flush_when_due(Store *s, Error *e) {
    const Batch *b = &s->batch;
    bool due = b->steps >= BATCH_STEPS || (b->rows && now() - b->started > BATCH_SECONDS);
    return !due || store_flush(s, e);
}

/* ---- the writers ---- */

bool store_step(Store *s, int64_t run, const StepRow *row, Error *e) {
    if (!flush_when_due(s, e)) return false;
    const struct Column {
        const char *name;
        double value;
        bool is_time; /* no time taken is no event */
    } columns[] = {{"tokens", (double)row->tokens, false},
                   {"loss", row->loss, false},
                   {"grad_norm", row->grad_norm, false},
                   {"lr", row->lr, false},
                   {"ms", row->ms, true},
                   {"probe_ms", row->probe_ms, true}};
    size_t at = add_row_at(s, TABLE_STEP, run, row->step);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (!(columns[i].is_time && isnan(columns[i].value)) &&
            !set_column(s, TABLE_STEP, at, columns[i].name, columns[i].value, e))
            return false;
    return true;
}

bool store_tokens(Store *s, int64_t run, int64_t step, int64_t tokens, Error *e) {
    return set_column(s, TABLE_STEP, add_row_at(s, TABLE_STEP, run, step), "tokens", (double)tokens, e);
}

bool store_save_ms(Store *s, int64_t run, int64_t step, double ms, Error *e) {
    return set_column(s, TABLE_STEP, add_row_at(s, TABLE_STEP, run, step), "save_ms", ms, e);
}

bool store_step_head(Store *s, int64_t run, int64_t step, int layers, int every, int heads,
                     const double *first_mass, const double *value_ratio, Error *e) {
    for (int layer = 0; layer < layers; layer += every)
        for (int head = 0; head < heads; head++) {
            int place = layer * heads + head;
            size_t at = add_row_at(s, TABLE_STEP_HEAD, run, step);
            set_integer(s, at + 2, layer);
            set_integer(s, at + 3, head);
            if (!set_column(s, TABLE_STEP_HEAD, at, "first_mass", first_mass[place], e) ||
                !set_column(s, TABLE_STEP_HEAD, at, "value_ratio", value_ratio[place], e))
                return false;
        }
    return true;
}

bool store_step_layer(Store *s, int64_t run, int64_t step, const Figures *f, Error *e) {
    size_t at = 0;
    for (int i = 0; i < f->n; i++) {
        const Figure *x = &f->at[i];
        if (!i || x->layer != x[-1].layer) {
            at = add_row_at(s, TABLE_STEP_LAYER, run, step);
            set_integer(s, at + 2, x->layer);
        }
        if (!set_column(s, TABLE_STEP_LAYER, at, x->name, x->value, e)) return false;
    }
    return true;
}

bool store_step_tensor(Store *s, int64_t run, const StepTensorRow *row, Error *e) {
    size_t at = add_row_at(s, TABLE_STEP_TENSOR, run, row->step);
    set_text(s, at + 2, row->tensor);
    return set_column(s, TABLE_STEP_TENSOR, at, "gradient", row->gradient, e) &&
           set_column(s, TABLE_STEP_TENSOR, at, "weight", row->weight, e) &&
           set_column(s, TABLE_STEP_TENSOR, at, "update", row->update, e);
}

bool store_metric(Store *s, int64_t run, int64_t step, const char *name, double value, Error *e) {
    (void)e;
    size_t at = add_row_at(s, TABLE_METRIC, run, step);
    set_text(s, at + 2, name);
    char event[FIGURE_NAME + 8];
    snprintf(event, sizeof event, "metric.%s", name);
    set_real(s, at + 3, value, run, step, event);
    return true;
}

bool store_event(Store *s, int64_t run, int64_t step, const char *kind, const char *detail, Error *e) {
    (void)e;
    add_event(s, run, step, kind, detail ? detail : "");
    return true;
}

/* ---- attention maps ---- */

bool store_map(Store *s, const MapPlace *p, const uint8_t *data, size_t bytes, Error *e) {
    (void)e;
    const int places[] = {p->sequence, p->layer, p->head, p->T};
    size_t at = add_row_at(s, TABLE_MAP, p->run, p->step);
    set_text(s, at + 2, p->probe);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) set_integer(s, at + 3 + i, places[i]);
    set_bytes(s, at + 7, data, bytes);
    return true;
}

bool store_map_token(Store *s, int64_t run, const char *probe, int sequence, int position, int token,
                     const char *text, Error *e) {
    (void)e;
    size_t at = add_row(s, TABLE_MAP_TOKEN);
    set_integer(s, at, run);
    set_text(s, at + 1, probe);
    set_integer(s, at + 2, sequence);
    set_integer(s, at + 3, position);
    set_integer(s, at + 4, token);
    set_text(s, at + 5, text);
    return true;
}

/* ---- evaluations ---- */

/* Where and when the figures of one call of store_eval belong. */
typedef struct EvalPlace {
    int64_t run, step;
    const char *probe;
    size_t first_row; /* of the batch: rows before it are other calls' */
} EvalPlace;

static TableId table_of(const Figure *f) {
    return f->bin >= 0     ? TABLE_EVAL_MASS
           : f->head >= 0  ? TABLE_EVAL_HEAD
           : f->layer >= 0 ? TABLE_EVAL_LAYER
                           : TABLE_EVAL;
}

/* The name of a figure that has no column. */
static void metric_name(char out[FIGURE_NAME], const char *probe, const Figure *f) {
    int n = snprintf(out, FIGURE_NAME, "%s.", probe);
    if (f->layer >= 0) n += snprintf(out + n, FIGURE_NAME - (size_t)n, "layer.%d.", f->layer);
    if (f->head >= 0) n += snprintf(out + n, FIGURE_NAME - (size_t)n, "head.%d.", f->head);
    snprintf(out + n, FIGURE_NAME - (size_t)n, "%s", f->name);
}

/* The first cell of the figure's row in this call, added when it is not there yet. */
static size_t eval_row(Store *s, const EvalPlace *p, const Figure *f) {
    const Batch *b = &s->batch;
    TableId table = table_of(f);
    for (size_t i = b->rows; i-- > p->first_row;) {
        const Cell *c = &b->cell[b->row[i].cell];
        if (b->row[i].table != table) continue;
        if (table != TABLE_EVAL && c[3].integer != f->layer) continue;
        if (table == TABLE_EVAL_HEAD && c[4].integer != f->head) continue;
        return b->row[i].cell;
    }
    size_t at = add_row_at(s, table, p->run, p->step);
    set_text(s, at + 2, p->probe);
    if (table != TABLE_EVAL) set_integer(s, at + 3, f->layer);
    if (table == TABLE_EVAL_HEAD) set_integer(s, at + 4, f->head);
    return at;
}

/* Of a changed model: the row is there, and the event says of which, so that it is none of the run's digest.
 */
static bool add_undefined(Store *s, const EvalPlace *p, const Figure *f) {
    char name[FIGURE_NAME];
    eval_row(s, p, f);
    snprintf(name, sizeof name, "%s.%s of %s", table_specs[table_of(f)].name, f->name, p->probe);
    add_event(s, p->run, p->step, "nan", name);
    return true;
}

static bool add_bin(Store *s, const EvalPlace *p, const Figure *f, Error *e) {
    size_t at = add_row_at(s, TABLE_EVAL_MASS, p->run, p->step);
    set_text(s, at + 2, p->probe);
    set_integer(s, at + 3, f->layer);
    set_integer(s, at + 4, f->head);
    set_integer(s, at + 5, f->bin);
    return set_column(s, TABLE_EVAL_MASS, at, f->name, f->value, e);
}

static bool add_figure(Store *s, const EvalPlace *p, const Figure *f, Error *e) {
    char name[FIGURE_NAME];
    TableId table = table_of(f);
    if (table == TABLE_EVAL_MASS) return add_bin(s, p, f, e);
    bool column = column_of(s, table, f->name) >= 0;
    if (column && isnan(f->value) && strstr(p->probe, " do ")) return add_undefined(s, p, f);
    if (column) return set_column(s, table, eval_row(s, p, f), f->name, f->value, e);
    metric_name(name, p->probe, f);
    return store_metric(s, p->run, p->step, name, f->value, e);
}

bool store_eval(Store *s, int64_t run, int64_t step, const char *probe, const Figures *f, Error *e) {
    const EvalPlace place = {run, step, probe, s->batch.rows};
    for (int i = 0; i < f->n; i++)
        if (!add_figure(s, &place, &f->at[i], e)) return false;
    return true;
}
