/* Owns: panels of coloured cells as one SVG that stands by itself: a matrix a panel, one scale for all.
 * Does not own: what is drawn. */
#ifndef SINKLAB_HEAT_MAP_H
#define SINKLAB_HEAT_MAP_H

#include <stdio.h>

typedef struct HeatPanel {
    const char *title;
    const double *at; /* (rows, cols); NAN: left empty */
} HeatPanel;

typedef struct HeatMap {
    const char *title, *x_label, *y_label;
    int rows, cols, across; /* of every panel; panels side by side */
    int cell;               /* pixels */
    double most;            /* the value of the darkest colour; white is 0 */
    const HeatPanel *panel;
    int n;
} HeatMap;

void heat_map(FILE *out, const HeatMap *m);

#endif
