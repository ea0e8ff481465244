/* Owns: a table of figures with a name for each row and column, as people read it and as JSON.
 * Does not own: what the figures are. */
#ifndef SINKLAB_SHEET_H
#define SINKLAB_SHEET_H

#include <stdbool.h>
#include <stdio.h>

enum { SHEET_NAME = 32, SHEET_OVER = 96 };

typedef struct SheetRow {
    char name[SHEET_NAME];
    const char *const *words; /* what its numbers stand for; NULL: themselves */
} SheetRow;

typedef struct Sheet {
    const char *key;       /* in JSON */
    const char *title;     /* above the table */
    char over[SHEET_OVER]; /* behind the title: the rows that the figures are over; "": not said */
    int rows, cols;
    SheetRow *row;
    char (*col)[SHEET_NAME];
    double *cell;  /* (rows, cols); NAN: undefined */
    double *error; /* (rows, cols) standard error; NAN: none is told */
} Sheet;

/* Cells NAN, names empty. The program ends when there is no memory. */
Sheet sheet_make(const char *key, const char *title, int rows, int cols);
void sheet_free(Sheet *s);
double *sheet_cell(const Sheet *s, int row, int col);
double *sheet_error(const Sheet *s, int row, int col);

/* Text: columns aligned, five digits, where there is a standard error as many as it leaves, "-" where
 * undefined. */
void sheet_print(FILE *out, const Sheet *s);
/* "key": {"over": "...", "columns": [...], "rows": {"name": [...], ...}, "errors": the same}, full precision,
 * null where undefined; without errors where there are none. */
void sheet_json(FILE *out, const Sheet *s);

#endif
