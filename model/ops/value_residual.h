/* Owns: the value residual (arXiv 2410.17897): blocks after the first use v <- (1 - mix) v + mix v1, v1 the
 * values of the first block; the mix is fixed (model.value_residual, 0.5 in the paper).
 * Does not own: when in a block values are mixed (model/block.c). */
#ifndef SINKLAB_VALUE_RESIDUAL_H
#define SINKLAB_VALUE_RESIDUAL_H

#include <stdint.h>

/* v (N, width) in rows of ld; first (N, width): kept at layer 0, mixed in after it. */
void value_residual_forward(int layer, float *v, int64_t ld, float *first, int64_t N, int width, float mix);
/* dv in place; dfirst (N, width) gathers what the first block's values get, and gives it at layer 0. It is
 * cleared at the last layer, which comes first. */
void value_residual_backward(int layer, int last, float *dv, int64_t ld, float *dfirst, int64_t N, int width,
                             float mix);

#endif
