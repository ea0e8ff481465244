/* Owns: the weights of a model's linear layers as the bf16 panels that their products take, packed once for
 * all passes between two updates. They cost 2 bytes a weight, 4 where there is a backward (beside the 16 of
 * fp32 weights, gradients and AdamW's states). Does not own: the products (model/linear.c). */
#ifndef SINKLAB_BF16_WEIGHTS_H
#define SINKLAB_BF16_WEIGHTS_H

#include "model/kernels/gemm_bf16.h"
#include "model/layers.h"

typedef struct Panels Panels;

/* Bytes that panels_create takes. */
size_t panels_bytes(const Model *m, bool backward);
bool panels_create(Panels **out, const Model *m, bool backward, Error *e);
void panels_free(Panels *p);

/* From the weights as they are now. Returns the bytes moved. */
double panels_pack(Panels *p, const Model *m);

/* The right factor of Y = X W^T and of dX = dY W. */
Factor panels_forward(const Panels *p, const Linear *l);
Factor panels_inputs(const Panels *p, const Linear *l);

#endif
