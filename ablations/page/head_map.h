/* Owns: the heat maps of the first key's mass, a row a head and time to the right, one run of each model on
 * one colour scale whose neutral colour is uniform attention: one SVG that stands by itself or in a page.
 * Does not own: curves (ablations/page/svg.h), maps of queries and keys (ablations/page/heat_map.h). */
#ifndef SINKLAB_HEAD_MAP_H
#define SINKLAB_HEAD_MAP_H

#include "train/store/store.h"

#include <stdio.h>

/* Writes nothing where no run has a row in step_head. sweep NULL: all runs. */
bool head_map(FILE *out, Store *s, const char *sweep, Error *e);

#endif
