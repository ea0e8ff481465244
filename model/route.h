/* Owns: Mixture of Depths (arXiv 2404.02258): which tokens a routed block computes, and what it makes of the
 * stream: r_t = w . x_t;  the k = ceil(model.depth_capacity T) tokens of a row with the largest r are picked;
 *     x'_t = x_t + r_t (block(X)_t - x_t) where t is picked, X the picked tokens in their order, else x'_t =
 * x_t. Every second block is routed, the first is not (the paper's best). A picked token sees the picked
 * tokens up to itself, at the positions that they have in the row. Whether a token is picked depends on later
 * ones of its row: losses are compared among such models alone, and text cannot be sampled. Does not own: the
 * block (model/block.h), which runs on the picked tokens as on any batch. Inside a routed block there is no
 * tap: its queries and keys are none of the row's, and what an instrument would find there is not measured.
 */
#ifndef SINKLAB_ROUTE_H
#define SINKLAB_ROUTE_H

#include "model/stage.h"

/* acts[l].x -> acts[l + 1].x */
void routed_forward(const Pass *p, int l);
/* t->dx, the gradient of acts[l + 1].x, to that of acts[l].x */
void routed_backward(const Pass *p, int l);

#endif
