/* Owns: the taps: named places of a pass, forward and backward, at which instruments read and, forward,
 * interventions write. A tap that nobody asked for costs one test of a pointer.
 * Does not own: what is done there (model/instruments, model/interventions). */
#ifndef SINKLAB_TAP_H
#define SINKLAB_TAP_H

#include <stdbool.h>
#include <stdint.h>

typedef enum TapPoint {
    TAP_EMBED,      /* (N, d)    token vectors entering block 0 */
    TAP_ATTN_IN,    /* (N, d)    normed input of attention */
    TAP_VALUE,      /* (N, KV dh) the tokens' values as attention takes them, in rows of q, k, v */
    TAP_ATTN_OUT,   /* (N, H dh) aggregated values of all heads, before head_out; `heads` is set */
    TAP_HEAD_OUT,   /* (N, H dh) after the head-output transform, before W_O */
    TAP_ATTN_ADD,   /* (N, d)    what attention adds to the residual stream */
    TAP_MLP_IN,     /* (N, d)    normed input of the MLP */
    TAP_MLP_HIDDEN, /* (N, f)    hidden activations, before the down-projection */
    TAP_MLP_OUT,    /* (N, d)    what the MLP adds to the residual stream */
    TAP_RESID,      /* (N, d)    residual stream after the block */
    TAP_FINAL,      /* (N, d)    after the final norm */
    TAP_LOGITS,     /* (n, V)    logits, a chunk of tokens at a time */
    /* (N, 1) a router's numbers, of which the largest of a row are picked (config_routed_tokens). In its
     * block no other tap is passed but TAP_RESID: its tokens are no whole rows. */
    TAP_ROUTE,
    /* Gradients of what the pass descends, by the array that the tap of that name showed, in the order of the
     * backward: the last block first. A tape without a backward shows none. */
    TAP_RESID_GRAD,
    TAP_MLP_IN_GRAD,  /* through the MLP alone, where no norm stands and its input is the stream itself */
    TAP_ATTN_IN_GRAD, /* through q, k, v and the heads' gates; likewise */
    TAP_EMBED_GRAD,
    TAPS,
    TAPS_BACKWARD = TAP_RESID_GRAD /* taps from here on are the backward's */
} TapPoint;

/* Whether any of a set of taps (bits) is the backward's. */
static inline bool taps_backward(uint32_t taps) {
    return taps >> TAPS_BACKWARD != 0;
}

/* A layer's heads, as attention used them: q, k after norm and position; v before the shift of v_bias, so
 * that a value drain is of what tokens bring. */
typedef struct Heads {
    int H, dh;
    const float *q, *k, *v; /* token n, head h: at n * ld + h * dh (k, v: h / group) */
    int64_t ld;
    int group;          /* query heads that share a key-value head */
    const float *first; /* (B, H, T) weight on the first key of the query's document; where rows need not sum
                           to one, |A| / sum |A| */
    float scale;        /* of q.k */
} Heads;

/* An array passing a tap. Token n = row * T + t. What a training step descends is the mean loss over the
 * step's scored targets, and its sink penalty; what instruments_measure takes back is the mean loss over the
 * scored targets of the probe. */
typedef struct View {
    TapPoint at;
    int layer;    /* -1 outside the blocks */
    int64_t row0; /* of the first row, in the whole pass (a probe passes in several batches) */
    int rows, T;
    int64_t first;  /* first token of the view within the batch (TAP_LOGITS), else 0 */
    int64_t tokens; /* tokens in the view */
    int width;      /* floats a token */
    int64_t ld;     /* from one token to the next */
    float *data;
    const int32_t *doc_start; /* (rows, T) first position each token may attend to */
    const Heads *heads;       /* at TAP_ATTN_OUT, else NULL */
} View;

/* A block of attention weights: queries q0 .. q0+nq-1 of one row and head, all keys. */
typedef struct Weights {
    int layer, head;
    int64_t row; /* in the whole pass */
    int q0, nq, T;
    const float *A; /* (nq, ld): A[q - q0][k], 0 for keys not seen; columns past those that a query of the
                       block sees (q0 + nq, or the prefix) are not there; no column for the null key */
    int64_t ld;
    const int32_t *doc_start; /* (T) of this row */
    bool unnormalised;        /* rows need not sum to one: instruments use |A| / sum |A| */
} Weights;

/* An instrument's eye. `see` is called by one thread at a time, once per batch and tap, in the
 * order of the pass. `weights` is called by any thread, once for each (row, layer, head, q0): it
 * may write only to what belongs to that (row, layer, head), whose blocks come in order of q0. */
typedef struct Observer {
    uint32_t taps; /* bit 1 << TapPoint for each that `see` is to be called at */
    void *self;
    void (*see)(void *self, const View *v);
    void (*weights)(void *self, const Weights *w); /* NULL: not asked for */
} Observer;

typedef struct Observers {
    const Observer *at;
    int n;
} Observers;

bool taps_want(const Observers *o, TapPoint p);
bool taps_want_weights(const Observers *o);
void taps_see(const Observers *o, const View *v);
void taps_weights(const Observers *o, const Weights *w);

#endif
