/* Owns: a sweep's own chart as SVG: the sink rate at the end of training against the first axis of numbers,
 * seeds as points, mean and 95 % interval, a colour a combination of the other axes. Does not own: curves
 * over steps (ablations/page/report.c), verdicts (ablations/page/verdict_plot.h). */
#ifndef SINKLAB_AXIS_PLOT_H
#define SINKLAB_AXIS_PLOT_H

#include "train/store/store.h"

#include <stdio.h>

/* Writes nothing where there is no sweep, or none of its axes has two numbers and no other values. */
bool axis_plot(FILE *out, Store *s, const char *sweep, Error *e);

#endif
