/* Owns: the weights of a model's linear layers as the bf16 panels that their products take, packed once for
 * all passes between two updates. They cost 2 bytes a weight, 4 where there is a backward (beside the 16 of
 * fp32 weights, gradients and AdamW's states). Does not own: the products (model/linear.c). */
#ifndef SINKLAB_BF16_WEIGHTS_H
#define SINKLAB_BF16_WEIGHTS_H

#include "model/kernels/gemm_bf16.h"
#include "model/layers.h"

typedef struct Bf16Weights Bf16Weights;

/* Bytes that bf16_weights_create takes. */
size_t bf16_weights_bytes(const Model *m, bool backward);
bool bf16_weights_create(Bf16Weights **out, const Model *m, bool backward, Error *e);
void bf16_weights_free(Bf16Weights *p);

/* Makes the panels from the weights as they are now. Returns the bytes moved. */
double bf16_weights_pack(Bf16Weights *p, const Model *m);

/* The right factor of Y = X W^T and of dX = dY W. */
Factor bf16_weights_forward(const Bf16Weights *p, const Linear *l);
Factor bf16_weights_inputs(const Bf16Weights *p, const Linear *l);

#endif
