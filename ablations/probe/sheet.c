#include "ablations/probe/sheet.h"

#include "data/base/yaml.h"
#include "model/instruments/cells.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Sheet sheet_make(const char *key, const char *title, int rows, int cols) {
    Sheet s = {.key = key, .title = title, .rows = rows, .cols = cols};
    s.row = instrument_memory((size_t)rows, sizeof *s.row);
    s.col = instrument_memory((size_t)cols, sizeof *s.col);
    s.cell = instrument_memory((size_t)rows * (size_t)cols, sizeof *s.cell);
    s.error = instrument_memory((size_t)rows * (size_t)cols, sizeof *s.error);
    for (int i = 0; i < rows * cols; i++) s.cell[i] = s.error[i] = NAN;
    return s;
}

void sheet_free(Sheet *s) {
    free(s->row);
    free(s->col);
    free(s->cell);
    free(s->error);
}

double *sheet_cell(const Sheet *s, int row, int col) {
    return s->cell + (size_t)row * (size_t)s->cols + col;
}

double *sheet_error(const Sheet *s, int row, int col) {
    return s->error + (size_t)row * (size_t)s->cols + col;
}

/* Two digits of the error, and the figure to the same place. */
static void figure_with_error(double x, double error, char text[SHEET_NAME]) {
    int places = 1 - (int)floor(log10(error));
    places = places < 0 ? 0 : places > 9 ? 9 : places;
    snprintf(text, SHEET_NAME, "%.*f +- %.*f", places, x, places, error);
}

static void cell_text(const Sheet *s, int row, int col, char text[SHEET_NAME]) {
    double x = *sheet_cell(s, row, col), error = *sheet_error(s, row, col);
    if (isfinite(x) && isfinite(error) && error > 0)
        figure_with_error(x, error, text);
    else if (isnan(x))
        strcpy(text, "-");
    else if (s->row[row].words)
        snprintf(text, SHEET_NAME, "%s", s->row[row].words[(int)x]);
    else
        snprintf(text, SHEET_NAME, "%.5g", x);
}

static int column_width(const Sheet *s, int col) {
    int width = (int)strlen(s->col[col]);
    for (int i = 0; i < s->rows; i++) {
        char text[SHEET_NAME];
        cell_text(s, i, col, text);
        width = (int)strlen(text) > width ? (int)strlen(text) : width;
    }
    return width;
}

void sheet_print(FILE *out, const Sheet *s) {
    int first = 0;
    for (int i = 0; i < s->rows; i++)
        first = (int)strlen(s->row[i].name) > first ? (int)strlen(s->row[i].name) : first;
    fprintf(out, "%s%s%s\n%*s", s->title, *s->over ? ", " : "", s->over, first, "");
    for (int j = 0; j < s->cols; j++) fprintf(out, "  %*s", column_width(s, j), s->col[j]);
    for (int i = 0; i < s->rows; i++) {
        fprintf(out, "\n%-*s", first, s->row[i].name);
        for (int j = 0; j < s->cols; j++) {
            char text[SHEET_NAME];
            cell_text(s, i, j, text);
            fprintf(out, "  %*s", column_width(s, j), text);
        }
    }
    fputs("\n\n", out);
}

static void json_number(FILE *out, double x) {
    if (isfinite(x))
        fprintf(out, "%.17g", x);
    else
        fputs("null", out);
}

static void json_rows(FILE *out, const Sheet *s, const char *name, const double *at) {
    fprintf(out, "\"%s\": {", name);
    for (int i = 0; i < s->rows; i++) {
        fputs(i ? ", " : "", out);
        json_string(out, s->row[i].name);
        fputs(": [", out);
        for (int j = 0; j < s->cols; j++) {
            if (j) fputs(", ", out);
            json_number(out, at[i * s->cols + j]);
        }
        fputc(']', out);
    }
    fputc('}', out);
}

static bool has_errors(const Sheet *s) {
    for (int i = 0; i < s->rows * s->cols; i++)
        if (!isnan(s->error[i])) return true;
    return false;
}

void sheet_json(FILE *out, const Sheet *s) {
    fprintf(out, "\"%s\": {\"over\": ", s->key);
    json_string(out, s->over);
    fputs(", \"columns\": [", out);
    for (int j = 0; j < s->cols; j++) {
        if (j) fputs(", ", out);
        json_string(out, s->col[j]);
    }
    fputs("], ", out);
    json_rows(out, s, "rows", s->cell);
    if (has_errors(s)) {
        fputs(", ", out);
        json_rows(out, s, "errors", s->error);
    }
    fputc('}', out);
}
