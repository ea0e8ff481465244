/* Owns: the linear layers as they lie in the arena: which tensors make one (out, in) matrix, and how far
 * apart two tokens of its output are. Does not own: their products (model/linear.c). */
#ifndef SINKLAB_LAYERS_H
#define SINKLAB_LAYERS_H

#include "model/slots.h"

typedef struct Linear {
    LinearKind kind;
    int layer;           /* 0 for the classifier */
    const Tensor *w, *b; /* the first of adjacent tensors that are one (out, in), (out); b NULL: no biases */
    int64_t in, out, ld; /* ld: floats from one token of Y to the next */
} Linear;

Linear linear_of(const Model *m, LinearKind kind, int layer);

/* Floats from one token's logits to the next: a cache line more than a vocabulary of 2^n has, so that a
 * column of them does not fall on the few lines of one set. */
int64_t logits_ld(int64_t vocab);

#endif
