/* Owns: one chart of curves as SVG that stands by itself or inside a page: axes with round ticks, lines,
 * a legend, a dashed rule for a control. Text and axes take the page's colour.
 * Does not own: what is drawn. */
#ifndef SINKLAB_SVG_H
#define SINKLAB_SVG_H

#include <stdbool.h>
#include <stdio.h>

typedef struct SvgSeries {
    const char *name; /* in the legend; NULL: not there */
    int colour;       /* index; colours come round again */
    int n;
    const double *x, *y;
} SvgSeries;

typedef struct SvgChart {
    const char *title, *x_label;
    bool log_y;     /* only values above 0 are drawn */
    bool from_zero; /* the y axis begins at 0 */
    double rule;    /* a dashed line at this y; NAN: none */
    const char *rule_label;
    const SvgSeries *series;
    int n;
} SvgChart;

void svg_chart(FILE *out, const SvgChart *c);

/* The colour of an index, "#rrggbb". */
const char *svg_colour(int index);

/* Begins a figure, with its title, which stands at x = left; the caller ends the figure with "</svg>". */
void svg_begin(FILE *out, int width, int height, int left, const char *title);

/* anchor: start, middle or end. */
void svg_label(FILE *out, double x, double y, const char *anchor, const char *text);

/* A scale of colours: stops from at = 0 to at = 1; between two of them the channels are linear. */
typedef struct SvgStop {
    double at;
    int rgb[3];
} SvgStop;

/* A rectangle without an edge in the colour of `place` in 0 to 1. */
void svg_cell(FILE *out, double x, double y, double w, double h, const SvgStop *stop, double place);

/* Text with what XML and HTML take for markup escaped; control characters become blanks. */
void svg_text(FILE *out, const char *text);

#endif
