/* Owns: the one table of figures that are drawn (name, unit, axis, control), and the one palette, for the
 * page and for SVGs alike. Does not own: how a figure is measured (train/schema.sql), how it is drawn. */
#ifndef SINKLAB_FIGURE_TABLE_H
#define SINKLAB_FIGURE_TABLE_H

#include <stdbool.h>
#include <stdio.h>

typedef struct DrawnFigure {
    const char *column;  /* in results.db: of eval, eval_layer, final, step or step_head */
    const char *name;    /* for people */
    const char *unit;    /* of the axis */
    const char *said;    /* one line: what it is and what its rule means */
    bool log;            /* a logarithmic axis; else one from 0 */
    double top;          /* where the axis ends; 0: with the data */
    double rule;         /* a threshold or what chance gives, a dashed line; NAN: none */
    const char *control; /* the column that has the uniform control of a run; NULL: none */
} DrawnFigure;

/* Ends with a row without a column. */
extern const DrawnFigure figure_table[];

/* NULL: not in the table. */
const DrawnFigure *figure_of(const char *column);

/* Colours "#rrggbb" that the colour-blind tell apart, for cells by their number, on white and on dark. */
enum { PALETTE = 8 };
extern const char *const palette_light[PALETTE], *const palette_dark[PALETTE];

/* The palette's number for a verdict's word: supported, refuted or another. */
int palette_of_verdict(const char *word);

/* Attention from 0 (the quietest colour) to 1, one hue, on white and on dark. */
typedef struct RampStop {
    double at;
    int light[3], dark[3];
} RampStop;
enum { RAMP = 6 };
extern const RampStop ramp[RAMP];

/* The ramp's colour at `place` in 0 to 1, as "#rrggbb"; channels are linear between stops. */
void ramp_colour(double place, bool dark, char text[8]);

/* Table and palette as one JSON object, which the page reads. */
void figure_table_json(FILE *out);

#endif
