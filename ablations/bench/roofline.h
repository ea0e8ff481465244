/* Owns: the roofline as SVG: every phase as a point (FLOPs a byte, GF/s) under the machine's roofs.
 * Does not own: the measurements (rounds.h). */
#ifndef SINKLAB_ROOFLINE_H
#define SINKLAB_ROOFLINE_H

#include "ablations/bench/rounds.h"

#include <stdio.h>

void roofline_draw(FILE *out, const Bench *b);

#endif
