/* Owns: what is measured of every layer at a training step, in the pass that trains, over all rows of the
 * batch: gradient sinks, and the sizes of what attention and MLP add to the stream. Does not own: at which
 * steps (train/when_due.h), where figures are kept. */
#ifndef SINKLAB_STEP_LAYER_H
#define SINKLAB_STEP_LAYER_H

#include "model/instruments/cells.h"

/* Room for the rows of a whole step; cells_free gives it back. */
Cells step_layer_cells(const Model *m, int rows);
Observer step_layer_observer(Cells *c);

/* Hands over figures of the rows seen last, layer by layer: gradient_sink and stream_gradient_sink as in
 * gradient_sink.c, for the loss that the step descends, mean over the rows; attn_write and mlp_write, root
 * mean square, over the batch's tokens and the channels, of what attention and MLP add to the residual
 * stream. */
void step_layer_take(const Cells *c, const ModelConfig *m, Figures *out);

#endif
