/* Owns: what interventions take out of linear layers: weights of the MLP's down-projection, biases; in the
 * forward, in the gradient of inputs, and so that what is taken out gets no gradient. Does not own: what is
 * taken out (model/interventions), the layers (model/linear.c). */
#ifndef SINKLAB_DROPPED_H
#define SINKLAB_DROPPED_H

#include "model/layers.h"
#include "model/stage.h"

/* Y (N, d) = s W_down^T without the terms of the weights that layer l lacks; s (N, f). */
void drop_weights(const Pass *p, int l, const float *s, float *Y);
/* ds (N, f) likewise, of dY (N, d). */
void drop_weights_backward(const Pass *p, int l, const float *dY, float *ds);

/* The layer's bias, (out), with zeros where it is off: in `room` (out), or as it lies where nothing is. */
const float *bias_left(const Pass *p, const Linear *l, float *room);

/* Gradients of what is taken out stand still while a backward adds to those of the layer: kept before, put
 * back after. */
typedef struct Kept {
    float weight[LIST_ITEMS];
    float *bias; /* (out), the caller's room; NULL: all biases are on */
} Kept;
void dropped_keep(const Pass *p, const Linear *l, Kept *k, float *room);
void dropped_put_back(const Pass *p, const Linear *l, const Kept *k);

#endif
