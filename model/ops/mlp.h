/* Owns: the list of feed-forward kinds: name and help, from which come the prototypes here and the table
 * (mlp.c). An activation is a file of its own (activation.h); the matrix products around it are the block's.
 * Does not own: the activations.
 *
 * Gated (arXiv 2002.05202): hid (N, 2f): gate | up; s (N, f) = act(gate) * up. Plain: hid (N, f); s =
 * act(hid). The backward takes hid in place to its gradient and writes s again. */
#ifndef SINKLAB_MLP_H
#define SINKLAB_MLP_H

#include "model/slots.h"

/* In the order of the table, whose first row is the default. */
#define MLP_KINDS(GATED, PLAIN)                                                                              \
    GATED(swiglu, "W_down (silu(W_gate x) * W_up x) (arXiv 2002.05202)")                                     \
    GATED(geglu, "W_down (gelu(W_gate x) * W_up x) (arXiv 2002.05202)")                                      \
    GATED(reglu, "W_down (relu(W_gate x) * W_up x) (arXiv 2002.05202)")                                      \
    PLAIN(gelu, "W_down gelu(W_up x), tanh form (arXiv 1606.08415)")                                         \
    PLAIN(relu, "W_down relu(W_up x) (arXiv 1706.03762)")                                                    \
    GATED(sigmoid_glu, "W_down (sigma(W_gate x) * W_up x) (arXiv 1612.08083, 2601.22966)")                   \
    PLAIN(relu2, "W_down relu(W_up x)^2 (arXiv 2109.08668)")                                                 \
    PLAIN(gelu_exact, "W_down gelu(W_up x), gelu = x Phi(x) (arXiv 1606.08415)")

#define MLP_PAIR(name, help)                                                                                 \
    void name##_forward(const Ctx *c, const float *hid, float *s);                                           \
    void name##_backward(const Ctx *c, float *hid, const float *ds, float *s);
MLP_KINDS(MLP_PAIR, MLP_PAIR)

#endif
