/* Owns: the gradient sink of one row (arXiv 2603.17771), for the instrument and for training steps
 * (step_layer.c). Does not own: which gradients it is taken of. */
#ifndef SINKLAB_GRADIENT_SINK_H
#define SINKLAB_GRADIENT_SINK_H

#include "model/tap.h"

/* |g_0| / mean_{t>0} |g_t| of gradients g (T, width); with several documents in a row the mean over their
 * first tokens for |g_0|, over all others below. NAN where there are no others, or nothing reaches them. A
 * common factor of a row's gradients drops out, so that the mean over a row's scored targets and that over
 * all rows' give the same. */
double gradient_sink_of(const View *v, int row);

#endif
