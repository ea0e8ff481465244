#include "ablations/text_table.h"

#include "ablations/page/svg.h"
#include "data/base/columns.h"
#include "data/base/error.h"
#include "data/base/printable.h"
#include "data/base/yaml.h"
#include "train/store/column.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GAP = 2 };

static bool statement_failed(sqlite3_stmt *rows, Error *e) {
    sqlite3 *db = sqlite3_db_handle(rows);
    const char *file = sqlite3_db_filename(db, "main");
    return fail(e, EXIT_FAILED, "results: %s: %s", file ? file : "", sqlite3_errmsg(db));
}

/* The rows of a statement, `most` of them at most. */
typedef struct Rows {
    sqlite3_stmt *q;
    int64_t most, seen; /* seen: those that are asked for, and one that is beyond */
} Rows;

static int next_row(Rows *r) {
    int result = sqlite3_step(r->q);
    return result != SQLITE_ROW || ++r->seen <= r->most ? result : SQLITE_DONE;
}

/* ---- JSON, Markdown, HTML, CSV ---- */

/* The shortest decimal that reads back as the same double. */
static void long_real(FILE *out, double value) {
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, out);
}

static void json_real(FILE *out, double value) {
    isfinite(value) ? long_real(out, value) : (void)fputs("null", out);
}

static void short_real(FILE *out, double value) {
    fprintf(out, "%.4g", value);
}

void markdown_text(FILE *out, const char *text) {
    size_t room = 4 * strlen(text) + 1;
    char *line = strdup(text), *safe = malloc(room);
    if (!line || !safe) abort();
    for (char *c = line; (c = strchr(c, '\n'));) *c = ' ';
    printable(line, safe, room);
    for (const char *c = safe; *c; c++) fprintf(out, strchr("|\\<*_`", *c) ? "\\%c" : "%c", *c);
    free(line);
    free(safe);
}

static void csv_text(FILE *out, const char *text) {
    bool quoted = strpbrk(text, ",\"\r\n");
    if (quoted) fputc('"', out);
    for (; *text; text++) fprintf(out, *text == '"' ? "\"%c" : "%c", *text);
    if (quoted) fputc('"', out);
}

/* Texts around names, cells and rows. */
typedef struct Form {
    const char *begin, *name,
        *rule; /* before a name, NULL: no line of names, a cell has its own; below, or NULL */
    const char *row, *cell, *cell_end, *between, *row_end, *next, *end; /* next: between rows */
    const char *null;
    void (*real)(FILE *out, double value);
    void (*text)(FILE *out, const char *text);
} Form;

static const Form forms[] = {
    [TABLE_JSON] = {"[", NULL, NULL, "\n  {", "", "", ", ", "}", ",", "\n]\n", "null", json_real,
                    json_string},
    [TABLE_MARKDOWN] = {"\n", " ", "---|", "|", " ", " |", "", "\n", "", "", "-", short_real, markdown_text},
    [TABLE_HTML] = {"<table>\n", "<th>", NULL, "<tr>", "<td>", "", "", "</tr>\n", "", "</table>\n", "-",
                    short_real, svg_text},
    [TABLE_CSV] = {"", "", NULL, "", "", "", ",", "\r\n", "", "", "", long_real, csv_text},
};

static void put_names(FILE *out, const Form *f, sqlite3_stmt *rows) {
    int columns = sqlite3_column_count(rows);
    fputs(f->row, out);
    for (int i = 0; i < columns; i++)
        fprintf(out, "%s%s%s%s", i ? f->between : "", f->name, sqlite3_column_name(rows, i), f->cell_end);
    fputs(f->row_end, out);
    if (!f->rule) return;
    fputs(f->row, out);
    for (int i = 0; i < columns; i++) fputs(f->rule, out);
    fputs(f->row_end, out);
}

static void put_cell(FILE *out, const Form *f, sqlite3_stmt *rows, int column) {
    switch (sqlite3_column_type(rows, column)) {
    case SQLITE_NULL:
        fputs(f->null, out);
        break;
    case SQLITE_FLOAT:
        f->real(out, sqlite3_column_double(rows, column));
        break;
    case SQLITE_INTEGER:
        fputs(column_text(rows, column), out);
        break;
    default:
        f->text(out, column_text(rows, column));
    }
}

static void put_row(FILE *out, const Form *f, sqlite3_stmt *rows) {
    fputs(f->row, out);
    for (int i = 0; i < sqlite3_column_count(rows); i++) {
        fprintf(out, "%s%s", i ? f->between : "", f->cell);
        if (!f->name) json_string(out, sqlite3_column_name(rows, i));
        if (!f->name) fputs(": ", out);
        put_cell(out, f, rows, i);
        fputs(f->cell_end, out);
    }
    fputs(f->row_end, out);
}

static bool print_form(FILE *out, Rows *rows, const Form *f, Error *e) {
    int result, n = 0;
    fputs(f->begin, out);
    if (f->name) put_names(out, f, rows->q);
    for (; (result = next_row(rows)) == SQLITE_ROW; n++) {
        if (n) fputs(f->next, out);
        put_row(out, f, rows->q);
    }
    fputs(n || f->name ? f->end : "]\n", out);
    return result == SQLITE_DONE || statement_failed(rows->q, e);
}

/* ---- aligned text ---- */

/* Columns' widths and kinds, and all cells as text, row after row, the header first. */
typedef struct Grid {
    int columns, *width;
    bool *number;
    char **cell;
    size_t cells, room;
} Grid;

static void add_cell(Grid *g, const char *text) {
    if (g->cells == g->room) {
        g->room = 2 * g->room + 64;
        g->cell = realloc(g->cell, g->room * sizeof *g->cell);
        if (!g->cell) out_of_memory();
    }
    size_t room = 4 * strlen(text) + 1;
    char *cell = malloc(room);
    if (!cell) out_of_memory();
    printable(text, cell, room);
    int column = (int)(g->cells % (size_t)g->columns), width = columns_of(cell);
    if (width > g->width[column]) g->width[column] = width;
    g->cell[g->cells++] = cell;
}

static void add_value(Grid *g, sqlite3_stmt *rows, int column) {
    char real[32];
    switch (sqlite3_column_type(rows, column)) {
    case SQLITE_NULL:
        add_cell(g, "-");
        break;
    case SQLITE_FLOAT:
        snprintf(real, sizeof real, "%.5g", sqlite3_column_double(rows, column));
        add_cell(g, real);
        break;
    case SQLITE_INTEGER:
        add_cell(g, column_text(rows, column));
        break;
    default:
        add_cell(g, column_text(rows, column));
        g->number[column] = false;
    }
}

static void print_cell(FILE *out, const Grid *g, int column, const char *text, bool last) {
    int blanks = g->width[column] - columns_of(text);
    if (g->number[column]) fprintf(out, "%*s", blanks, "");
    fputs(text, out);
    if (last)
        fputc('\n', out);
    else
        fprintf(out, "%*s", (g->number[column] ? 0 : blanks) + GAP, "");
}

/* The column behind those from `from` on that a line of `room` columns holds beside the first: one at least,
 * and of a text that is the last whatever begins on the line. */
static int columns_end(const Grid *g, int from, int room) {
    int at = from ? g->width[0] + GAP : 0, end = from;
    for (; end < g->columns && at + g->width[end] <= room; end++) at += g->width[end] + GAP;
    bool text = end == g->columns - 1 && !g->number[end] && at < room;
    return end == from || text ? end + 1 : end;
}

static bool is_same_in_all_rows(const Grid *g, int column) {
    const char *first = g->cell[g->columns + column];
    for (size_t at = 2 * (size_t)g->columns + (size_t)column; at < g->cells; at += (size_t)g->columns)
        if (strcmp(g->cell[at], first)) return false;
    return true;
}

/* Of a table that is wider than `room`, the columns that say the same in every row go into a line above it.
 * One row, or equal ones, stay as they are. */
static void say_once(FILE *out, Grid *g, int room) {
    int width = -GAP, columns = g->columns, kept = 0;
    for (int i = 0; i < columns; i++) width += g->width[i] + GAP;
    size_t rows = g->cells / (size_t)columns - 1, cells = 0;
    bool *same = calloc((size_t)columns, sizeof *same);
    if (!same) out_of_memory();
    for (int i = 0; i < columns; i++) kept += !(same[i] = rows > 1 && is_same_in_all_rows(g, i));
    if (width > room && kept && kept < columns) {
        fprintf(out, "in all %zu rows:", rows);
        for (int i = 0; i < columns; i++)
            if (same[i]) fprintf(out, " %s=%s", g->cell[i], g->cell[columns + i]);
        fputs("\n\n", out);
        for (size_t at = 0; at < g->cells; at++)
            if (same[at % (size_t)columns])
                free(g->cell[at]);
            else
                g->cell[cells++] = g->cell[at];
        for (int i = kept = 0; i < columns; i++) {
            if (same[i]) continue;
            g->width[kept] = g->width[i];
            g->number[kept++] = g->number[i];
        }
        g->cells = cells;
        g->columns = kept;
    }
    free(same);
}

/* On a terminal that is narrower than the table the other columns stand below, each time beside the first. */
static void print_grid(FILE *out, const Grid *g, int room) {
    for (int from = 0, end; from < g->columns; from = end) {
        end = columns_end(g, from, room);
        if (from) fputc('\n', out);
        for (char **row = g->cell; row < g->cell + g->cells; row += g->columns) {
            if (from) print_cell(out, g, 0, row[0], false);
            for (int i = from; i < end; i++) print_cell(out, g, i, row[i], i == end - 1);
        }
    }
}

static bool print_text(FILE *out, Rows *some, Error *e) {
    sqlite3_stmt *rows = some->q;
    Grid g = {.columns = sqlite3_column_count(rows)};
    if (!g.columns) return sqlite3_step(rows) == SQLITE_DONE || statement_failed(rows, e);
    int result;
    g.width = calloc((size_t)g.columns, sizeof *g.width);
    g.number = malloc((size_t)g.columns * sizeof *g.number);
    if (!g.width || !g.number) out_of_memory();
    for (int i = 0; i < g.columns; i++) {
        g.number[i] = true;
        add_cell(&g, sqlite3_column_name(rows, i));
    }
    while ((result = next_row(some)) == SQLITE_ROW)
        for (int i = 0; i < g.columns; i++) add_value(&g, rows, i);
    int room = isatty(fileno(out)) ? columns_of_terminal(fileno(out)) : INT_MAX;
    if (result == SQLITE_DONE) say_once(out, &g, room);
    if (result == SQLITE_DONE) print_grid(out, &g, room);
    for (size_t i = 0; i < g.cells; i++) free(g.cell[i]);
    free(g.cell);
    free(g.width);
    free(g.number);
    return result == SQLITE_DONE || statement_failed(rows, e);
}

bool table_print_some(FILE *out, sqlite3_stmt *rows, TableForm form, int64_t most, int64_t *seen, Error *e) {
    Rows some = {.q = rows, .most = most ? most : INT64_MAX};
    bool ok = form == TABLE_TEXT ? print_text(out, &some, e) : print_form(out, &some, &forms[form], e);
    *seen = some.seen;
    return ok;
}

bool table_print(FILE *out, sqlite3_stmt *rows, TableForm form, Error *e) {
    int64_t seen;
    return table_print_some(out, rows, form, 0, &seen, e);
}

sqlite3_stmt *table_query(Store *s, const char *sql, const char *text, Error *e) {
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(store_db(s), sql, -1, &q, NULL) != SQLITE_OK) store_failed(s, "results", e);
    if (q) sqlite3_bind_text(q, 1, text, -1, SQLITE_STATIC);
    return q;
}

bool table_of(FILE *out, Store *s, const char *sql, const char *text, TableForm form, Error *e) {
    sqlite3_stmt *q = table_query(s, sql, text, e);
    bool ok = q && table_print(out, q, form, e);
    sqlite3_finalize(q);
    return ok;
}
