/* Owns: attention's matrix products around a slot's score-to-weight function: O = A V with A =
 * weights(scale Q K^T), a block of ATTENTION_BLOCK queries at a time, and its backward from saved
 * row statistics. Memory O(T) a thread: no T x T array, neither kept nor made. Blocks of keys
 * that no query of the block may see are skipped. Does not own: the weight functions. */
#ifndef SINKLAB_ATTENTION_H
#define SINKLAB_ATTENTION_H

#include "model/slots.h"
#include "model/tap.h"

enum { ATTENTION_BLOCK = 32 };

typedef struct AttentionShape {
    int B, T, H, dh;
    int64_t ld;        /* of q, k, v in one token's row: q at h dh, k at (H + h) dh, v at (2H + h) dh */
    const int32_t *lo; /* (B, T) first key a query sees */
    int window;        /* 0: all */
} AttentionShape;

/* Floats of scratch a thread needs. */
size_t attention_scratch(int T, int dh, bool backward);

/* qkv (N, ld) -> o (N, H dh), stat (B, H, T). scratch: one block of that size per thread. Each block
 * of weights is shown to the observers (row numbers from row0) when one asks. */
void attention_forward(const AttentionSlot *slot, const AttentionShape *s, const float *qkv, float *o,
                       float *stat, float *scratch, const Observers *see, int layer, int64_t row0);

/* do (N, H dh) -> dqkv (N, ld), overwritten. */
void attention_backward(const AttentionSlot *slot, const AttentionShape *s, const float *qkv, const float *o,
                        const float *stat, const float *d_o, float *dqkv, float *scratch);

#endif
