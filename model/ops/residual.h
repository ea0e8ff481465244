/* Owns: the residual stream's addition. Its backward is the identity on both.
 * Does not own: norms before or behind it (model/block.c). */
#ifndef SINKLAB_RESIDUAL_H
#define SINKLAB_RESIDUAL_H

#include <stdint.h>

/* out = a + b, n floats. */
void residual_add(float *out, const float *a, const float *b, int64_t n);

#endif
