/* Owns: the verdicts on a sweep as one SVG that stands by itself or in a page: a row an expectation and side,
 * a dot a seed, the mean with its 95 % interval, the bound that was expected, the word. Each row has a scale
 * of its own. Does not own: the statistics (train/schema.sql). */
#ifndef SINKLAB_VERDICT_PLOT_H
#define SINKLAB_VERDICT_PLOT_H

#include "train/store/store.h"

#include <stdio.h>

/* Writes nothing where the sweep (NULL: none) expects nothing. */
bool verdict_plot(FILE *out, Store *s, const char *sweep, Error *e);

#endif
