/* Owns: what stands between attention and W_O as a stage of the block: y = norm(o) * gate, each of them where
 * the head_out slot has it, and the gates' matrix product. Does not own: the ops (model/ops). */
#ifndef SINKLAB_GATED_HEADS_H
#define SINKLAB_GATED_HEADS_H

#include "model/stage.h"

/* a->gate = sigma(W h), or sigma(W v) with the values of a->qkv. h (N, d) is attention's normed input. */
void gates_forward(const Pass *p, int l, Acts *a, const float *h);
/* y from a->o and a->gate: in t->y, or a->o itself where the slot does nothing. */
const float *head_out(const Pass *p, int l, const Acts *a);
/* t->dy in place to the gradient of a->o; a->gate in place to that of what is under the sigmoid. */
void head_out_backward(const Pass *p, int l, Acts *a);
/* From that gradient in a->gate the gradient of W and, added to dX, that of X (N, in), which is what the
 * gates are a linear function of, in rows of ldx. Nothing where the slot's gates are from another input. */
void gates_backward(const Pass *p, int l, const Acts *a, GateFrom from, const float *X, int64_t ldx,
                    float *dX);

/* Adds what head_out gives the values, where its slot is of `own`, to their gradient dv (N, KV dh) in rows of
 * ld; after head_out_backward, while t->y is left as it is. */
void own_values_backward(const Pass *p, int l, const Acts *a, float *dv);

#endif
