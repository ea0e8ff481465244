/* Owns: the roofline as SVG: every phase as a point (FLOPs a byte, GF/s) under the machine's roofs.
 * Does not own: the measurements (train/bench.h). */
#ifndef SINKLAB_ROOFLINE_H
#define SINKLAB_ROOFLINE_H

#include "train/bench.h"

#include <stdio.h>

typedef struct Roofline {
    const BenchMachine *machine;
    const char *const *name; /* (n) of configurations */
    const BenchResult *result;
    int n;
} Roofline;

void roofline_draw(FILE *out, const Roofline *r);

#endif
