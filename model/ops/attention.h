/* Owns: attention's matrix products around a slot's score-to-weight function: O = A V with A =
 * weights(scale Q K^T), a block of ATTENTION_BLOCK queries at a time, and its backward from saved
 * row statistics. Memory O(T) a thread: no T x T array, neither kept nor made. Blocks of keys
 * that no query of the block may see are skipped. Does not own: the weight functions. */
#ifndef SINKLAB_ATTENTION_H
#define SINKLAB_ATTENTION_H

#include "model/slots.h"
#include "model/tap.h"
#include "model/visible.h"

enum { ATTENTION_BLOCK = 32 };

/* One layer's attention: sizes, who sees whom, what its heads own. H query heads share KV heads of keys and
 * values, H / KV each. A token's row of q, k, v: q at h dh, k at (H + g) dh, v at (H + KV + g) dh. */
typedef struct AttentionShape {
    int B, T, H, KV, dh;
    int64_t ld;
    const int32_t *doc_start; /* (B, T) first position of each token's document */
    Visible visible;
    const ScoreBiases *score_biases; /* what interventions hide; NULL: nothing */
    const float *slope;              /* (H) ALiBi: key k's score falls by slope (q - k); NULL: none */
    const float *part[PARTS];        /* the slot's tensors by what they are; NULL: none */
    const bool *null;                /* (H) heads with a null key */
    const ModelConfig *config;       /* what a weight function is set by */
    bool bf16;                       /* factors of products are rounded to it; where gemm_bf16_supported */
    /* Backward: (B, H, 2) added to the gradient of each weight on a first key, of a document's first query,
     * of others; NULL: 0. */
    const float *d_mass;
    const float *first; /* those weights, (B, H, T), where there is a d_mass */
} AttentionShape;

/* Floats of scratch a thread needs, and of one head's gradients of its parts in one row. */
size_t attention_scratch(const AttentionSlot *slot, int T, int dh, bool backward);
int attention_part_floats(int dh);
/* Where the gradient of a part lies, of the i-th (row, head) of attention_backward's `partial`. */
const float *attention_partial(const float *partial, int dh, AttentionPart part, int i);

/* qkv (N, ld) -> o (N, H dh), stat (B, H, T, maps). scratch: one block of that size per thread. first (B, H,
 * T), unless NULL: the weight on the first key of the query's document (|A| / sum |A| where rows need not sum
 * to one). Each block of weights is shown to the observers (row numbers from row0) when one asks. */
void attention_forward(const AttentionSlot *slot, const AttentionShape *s, const float *qkv, float *o,
                       float *stat, float *first, float *scratch, const Observers *see, int layer,
                       int64_t row0);

/* do (N, H dh) -> dqkv (N, ld), overwritten; dpart[i] += the gradient of part[i], summed row by row.
 * partial: (B, H, attention_part_floats), needed where there are parts. */
void attention_backward(const AttentionSlot *slot, const AttentionShape *s, const float *qkv, const float *o,
                        float *stat, const float *d_o, float *dqkv, float *const dpart[PARTS], float *partial,
                        float *scratch);

#endif
