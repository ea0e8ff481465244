#include "ablations/text_table.h"

#include "train/config/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2 };

static bool statement_failed(sqlite3_stmt *rows, Error *e) {
    sqlite3 *db = sqlite3_db_handle(rows);
    const char *file = sqlite3_db_filename(db, "main");
    return fail(e, EXIT_FAILED, "results: %s: %s", file ? file : "", sqlite3_errmsg(db));
}

/* ---- JSON ---- */

/* The shortest decimal that reads back as the same double. */
static void json_real(FILE *out, double value) {
    char text[32];
    if (!isfinite(value)) {
        fputs("null", out);
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    fputs(text, out);
}

static void json_cell(FILE *out, sqlite3_stmt *rows, int column) {
    switch (sqlite3_column_type(rows, column)) {
    case SQLITE_NULL:
        fputs("null", out);
        break;
    case SQLITE_INTEGER:
        fprintf(out, "%lld", (long long)sqlite3_column_int64(rows, column));
        break;
    case SQLITE_FLOAT:
        json_real(out, sqlite3_column_double(rows, column));
        break;
    default:
        json_string(out, (const char *)sqlite3_column_text(rows, column));
    }
}

static bool print_json(FILE *out, sqlite3_stmt *rows, Error *e) {
    int columns = sqlite3_column_count(rows), result;
    const char *before = "[";
    while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
        fprintf(out, "%s\n  {", before);
        for (int i = 0; i < columns; i++) {
            if (i) fputs(", ", out);
            json_string(out, sqlite3_column_name(rows, i));
            fputs(": ", out);
            json_cell(out, rows, i);
        }
        fputc('}', out);
        before = ",";
    }
    fputs(*before == '[' ? "[]\n" : "\n]\n", out);
    return result == SQLITE_DONE || statement_failed(rows, e);
}

/* ---- aligned text ---- */

/* Columns' widths and kinds, and all cells as text, row after row, the header first. */
typedef struct Grid {
    int columns, *width;
    bool *number;
    char **cell;
    size_t cells, room;
} Grid;

/* Characters, not bytes, of UTF-8. */
static int width_of(const char *text) {
    int n = 0;
    for (; *text; text++) n += (*text & 0xC0) != 0x80;
    return n;
}

static void add_cell(Grid *g, const char *text) {
    if (g->cells == g->room) {
        g->room = 2 * g->room + 64;
        g->cell = realloc(g->cell, g->room * sizeof *g->cell);
        if (!g->cell) abort();
    }
    int column = (int)(g->cells % (size_t)g->columns), width = width_of(text);
    if (width > g->width[column]) g->width[column] = width;
    if (!(g->cell[g->cells++] = strdup(text))) abort();
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
        add_cell(g, (const char *)sqlite3_column_text(rows, column));
        break;
    default:
        add_cell(g, (const char *)sqlite3_column_text(rows, column));
        g->number[column] = false;
    }
}

static void print_cell(FILE *out, const Grid *g, int column, const char *text) {
    int blanks = g->width[column] - width_of(text);
    bool last = column == g->columns - 1;
    if (g->number[column]) fprintf(out, "%*s", blanks, "");
    fputs(text, out);
    if (!g->number[column] && !last) fprintf(out, "%*s", blanks, "");
    if (last)
        fputc('\n', out);
    else
        fprintf(out, "%*s", GAP, "");
}

static bool print_text(FILE *out, sqlite3_stmt *rows, Error *e) {
    Grid g = {.columns = sqlite3_column_count(rows)};
    if (!g.columns) return sqlite3_step(rows) == SQLITE_DONE || statement_failed(rows, e);
    int result;
    g.width = calloc((size_t)g.columns, sizeof *g.width);
    g.number = malloc((size_t)g.columns * sizeof *g.number);
    if (!g.width || !g.number) abort();
    for (int i = 0; i < g.columns; i++) {
        g.number[i] = true;
        add_cell(&g, sqlite3_column_name(rows, i));
    }
    while ((result = sqlite3_step(rows)) == SQLITE_ROW)
        for (int i = 0; i < g.columns; i++) add_value(&g, rows, i);
    for (size_t i = 0; i < g.cells; i++) {
        if (result == SQLITE_DONE) print_cell(out, &g, (int)(i % (size_t)g.columns), g.cell[i]);
        free(g.cell[i]);
    }
    free(g.cell);
    free(g.width);
    free(g.number);
    return result == SQLITE_DONE || statement_failed(rows, e);
}

bool table_print(FILE *out, sqlite3_stmt *rows, bool json, Error *e) {
    return json ? print_json(out, rows, e) : print_text(out, rows, e);
}
