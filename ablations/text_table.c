#include "ablations/text_table.h"

#include "ablations/page/svg.h"
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

/* ---- JSON, Markdown, HTML, CSV ---- */

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

static void short_real(FILE *out, double value) {
    fprintf(out, "%.4g", value);
}

static void long_real(FILE *out, double value) {
    fprintf(out, "%.17g", value);
}

void markdown_text(FILE *out, const char *text) {
    for (; *text; text++) {
        if (strchr("|\\<*_`", *text)) fputc('\\', out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void csv_text(FILE *out, const char *text) {
    bool quoted = strpbrk(text, ",\"\r\n");
    if (quoted) fputc('"', out);
    for (; *text; text++) fprintf(out, *text == '"' ? "\"%c" : "%c", *text);
    if (quoted) fputc('"', out);
}

/* What stands around names and cells. */
typedef struct Form {
    const char *begin, *row, *name, *cell, *cell_end, *between, *row_end, *end;
    const char *rule; /* a column's share of a line below the names; NULL: no such line */
    const char *null;
    void (*real)(FILE *out, double value);
    void (*text)(FILE *out, const char *text);
} Form;

static const Form forms[] = {
    [TABLE_JSON] = {.null = "null", .real = json_real, .text = json_string},
    [TABLE_MARKDOWN] = {"\n", "|", " ", " ", " |", "", "\n", "", "---|", "-", short_real, markdown_text},
    [TABLE_HTML] = {"<table>\n", "<tr>", "<th>", "<td>", "", "", "</tr>\n", "</table>\n", NULL, "-",
                    short_real, svg_text},
    [TABLE_CSV] = {"", "", "", "", "", ",", "\r\n", "", NULL, "", long_real, csv_text},
};

static void put_cell(FILE *out, const Form *f, sqlite3_stmt *rows, int column) {
    switch (sqlite3_column_type(rows, column)) {
    case SQLITE_NULL:
        fputs(f->null, out);
        break;
    case SQLITE_FLOAT:
        f->real(out, sqlite3_column_double(rows, column));
        break;
    case SQLITE_INTEGER:
        fputs((const char *)sqlite3_column_text(rows, column), out);
        break;
    default:
        f->text(out, (const char *)sqlite3_column_text(rows, column));
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
            put_cell(out, &forms[TABLE_JSON], rows, i);
        }
        fputc('}', out);
        before = ",";
    }
    fputs(*before == '[' ? "[]\n" : "\n]\n", out);
    return result == SQLITE_DONE || statement_failed(rows, e);
}

/* Markdown, HTML, CSV: a line of names, then the rows. */
static bool print_form(FILE *out, sqlite3_stmt *rows, const Form *f, Error *e) {
    int columns = sqlite3_column_count(rows), result;
    fprintf(out, "%s%s", f->begin, f->row);
    for (int i = 0; i < columns; i++)
        fprintf(out, "%s%s%s%s", i ? f->between : "", f->name, sqlite3_column_name(rows, i), f->cell_end);
    fputs(f->row_end, out);
    if (f->rule) fputs(f->row, out);
    for (int i = 0; f->rule && i < columns; i++) fputs(f->rule, out);
    if (f->rule) fputs(f->row_end, out);
    while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
        fputs(f->row, out);
        for (int i = 0; i < columns; i++) {
            fprintf(out, "%s%s", i ? f->between : "", f->cell);
            put_cell(out, f, rows, i);
            fputs(f->cell_end, out);
        }
        fputs(f->row_end, out);
    }
    fputs(f->end, out);
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

bool table_print(FILE *out, sqlite3_stmt *rows, TableForm form, Error *e) {
    return form == TABLE_TEXT   ? print_text(out, rows, e)
           : form == TABLE_JSON ? print_json(out, rows, e)
                                : print_form(out, rows, &forms[form], e);
}
