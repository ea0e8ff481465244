/* Owns: one chart of curves as SVG that stands by itself or inside a page: axes with round ticks, lines,
 * a legend, a dashed rule for a control. Text and axes take the page's colour; the colours of
 * ablations/page/figure_table.h turn dark with the reader's screen.
 * Does not own: what is drawn, which colours there are. */
#ifndef SINKLAB_SVG_H
#define SINKLAB_SVG_H

#include <stdbool.h>
#include <stdio.h>

typedef struct SvgSeries {
    const char *name; /* in the legend; NULL: not there */
    int colour;       /* of the palette; colours come round again */
    int n;
    const double *x, *y;
    bool dots; /* its points; else the line through them */
} SvgSeries;

typedef struct SvgChart {
    const char *title, *x_label;
    bool log_x, log_y; /* only values above 0 are drawn */
    bool from_zero;    /* the y axis begins at 0 */
    double rule;       /* a dashed line at this y; NAN: none */
    const char *rule_label;
    const SvgSeries *series;
    int n;
} SvgChart;

void svg_chart(FILE *out, const SvgChart *c);

/* The palette's colour of an index, "#rrggbb", on white. */
const char *svg_colour(int index);

/* Begins a figure, with its title, which stands at x = left; the caller ends the figure with "</svg>". */
void svg_begin(FILE *out, int width, int height, int left, const char *title);

/* anchor: start, middle or end. */
void svg_label(FILE *out, double x, double y, const char *anchor, const char *text);

/* The ramp of attention in so many colours; svg_shades writes what they are on a dark screen, once a figure.
 */
enum { SVG_SHADES = 65 };
void svg_shades(FILE *out);

/* A rectangle without an edge in the ramp's colour at `place` in 0 to 1, rounded to one of the shades. */
void svg_cell(FILE *out, double x, double y, double w, double h, double place);

/* Text with what XML and HTML take for markup escaped; control characters become blanks. */
void svg_text(FILE *out, const char *text);

#endif
