#include "ablations/probe/sheet.h"

#include "model/instruments/cells.h"
#include "train/config/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Sheet sheet_make(const char *key, const char *title, int rows, int cols) {
    Sheet s = {.key = key, .title = title, .rows = rows, .cols = cols};
    s.row = instrument_memory((size_t)rows, sizeof *s.row);
    s.col = instrument_memory((size_t)cols, sizeof *s.col);
    s.cell = instrument_memory((size_t)rows * (size_t)cols, sizeof *s.cell);
    for (int i = 0; i < rows * cols; i++) s.cell[i] = NAN;
    return s;
}

void sheet_free(Sheet *s) {
    free(s->row);
    free(s->col);
    free(s->cell);
}

double *sheet_cell(const Sheet *s, int row, int col) {
    return s->cell + (size_t)row * (size_t)s->cols + col;
}

static void cell_text(const Sheet *s, int row, int col, char text[SHEET_NAME]) {
    double x = *sheet_cell(s, row, col);
    if (isnan(x))
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
    fprintf(out, "%s\n%*s", s->title, first, "");
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

void sheet_json(FILE *out, const Sheet *s) {
    fprintf(out, "\"%s\": {\"columns\": [", s->key);
    for (int j = 0; j < s->cols; j++) {
        if (j) fputs(", ", out);
        json_string(out, s->col[j]);
    }
    fputs("], \"rows\": {", out);
    for (int i = 0; i < s->rows; i++) {
        fputs(i ? ", " : "", out);
        json_string(out, s->row[i].name);
        fputs(": [", out);
        for (int j = 0; j < s->cols; j++) {
            if (j) fputs(", ", out);
            json_number(out, *sheet_cell(s, i, j));
        }
        fputc(']', out);
    }
    fputs("}}", out);
}
