/* Owns: one transformer block, forward and backward, as a fixed sequence of stages; what fills
 * a stage comes from its slot. Does not own: embedding, head, loss (model/pass.c). */
#ifndef SINKLAB_BLOCK_H
#define SINKLAB_BLOCK_H

#include "model/stage.h"

/* acts[l].x -> acts[l + 1].x */
void block_forward(const Pass *p, int l);
/* t->dx, the gradient of acts[l + 1].x, to that of acts[l].x */
void block_backward(const Pass *p, int l);

#endif
