/* Owns: what fills a stage: for each slot the form of its rows and its table. A row is an op
 * pair with its tensors; the block loop (model/block.c) is the same for all.
 * To add a variant: a file in model/ops with the pair, a row in its table below, a test. */
#ifndef SINKLAB_SLOTS_H
#define SINKLAB_SLOTS_H

#include "model/model.h"

enum { SLOT_TENSORS = 8 };

/* What every row of every slot has. */
typedef struct SlotHead {
    const char *name;                 /* in YAML */
    const char *help;                 /* one line, with the paper */
    TensorSpec tensors[SLOT_TENSORS]; /* ends at the first without a name */
} SlotHead;

/* What an op of a slot sees. N = B T tokens. */
typedef struct Ctx {
    const ModelConfig *c;
    int layer, B, T;
    int64_t N;
    int d, H, dh, f;
    const float *w[SLOT_TENSORS]; /* the slot's tensors, in its order */
    float *dw[SLOT_TENSORS];      /* their gradients (backward) */
    float *partial;               /* room for strip sums, see model/ops/strips.h */
    float *saved;                 /* what the slot keeps from forward to backward */

    const float *turn; /* the position slot's table */
} Ctx;

/* Position: at the embedding, or on q and k. Any of the functions may be NULL. */
typedef struct PositionSlot {
    SlotHead head;
    int64_t (*table_width)(const ModelConfig *c); /* floats a place of Ctx.turn */
    void (*table)(const ModelConfig *c, int T, float *turn);
    void (*embed_forward)(const Ctx *c, float *x); /* x (N, d) in place */
    void (*embed_backward)(const Ctx *c, const float *dx);
    void (*rotate_forward)(const Ctx *c, float *qkv, int64_t ld); /* q and k in place */
    void (*rotate_backward)(const Ctx *c, float *dqkv, int64_t ld);
} PositionSlot;

/* Transform of q and k before position. */
typedef struct QkSlot {
    SlotHead head;
    int64_t (*saved)(const ModelConfig *c); /* floats a token; NULL: none */
    void (*forward)(const Ctx *c, float *qkv, int64_t ld);
    void (*backward)(const Ctx *c, float *dqkv, int64_t ld);
} QkSlot;

/* One block of scores: queries q0 .. q0+nq-1 of one row and head against keys k0 .. k1-1 (both multiples
 * of VW); S[i * ld + k] is query q0+i on key k. Query q0+i sees keys lo[i] .. q0+i. */
typedef struct Scores {
    int q0, nq, k0, k1;
    int64_t ld;
    const int32_t *lo; /* (nq) */
} Scores;

/* Scores to weights and back; the matrix products around it are model/ops/attention.c's. */
typedef struct AttentionSlot {
    SlotHead head;
    bool unnormalised; /* rows of A need not sum to one, nor be positive: see Weights */
    /* S in place to weights A: 0 for keys not seen. stat[i]: what the backward needs of a row. */
    void (*weights)(const Scores *b, float *S, float *stat);
    /* The same again in the backward, from stat. */
    void (*again)(const Scores *b, float *S, const float *stat);
    /* dA in place to dS, given A and dot[i] = sum_k A[i][k] dA[i][k] = o_i . do_i. */
    void (*backward)(const Scores *b, const float *A, float *dA, const float *dot);
} AttentionSlot;

/* Transform of each head's aggregated output before W_O. */
typedef struct HeadOutSlot {
    SlotHead head;
    void (*forward)(const Ctx *c, const float *o, float *y);   /* (N, H dh); NULL: y is o */
    void (*backward)(const Ctx *c, const float *o, float *dy); /* dy in place to do */
} HeadOutSlot;

/* Norm of a row of the residual stream. */
typedef struct NormKind {
    SlotHead head; /* names are completed per place, see model.c; gradients are laid out in one piece */
    /* x, h (N, d); stat (NORM_STATS, N): what the backward needs of a row. */
    void (*forward)(const Ctx *c, const float *x, float *h, float *stat);
    /* dh to dx, added to dx. */
    void (*backward)(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx);
} NormKind;

enum { NORM_STATS = 2 };

/* Where norms stand: a set of stages. */
typedef struct NormPlace {
    const char *name, *help;
    uint32_t stages; /* bit 1 << Stage */
} NormPlace;

/* Feed-forward: hid = X W_in^T (N, parts f), s = act(hid) (N, f), out = s W_down^T. */
typedef struct MlpSlot {
    SlotHead head; /* W_in's parts (contiguous), the down-projection, then their biases likewise */
    int parts;     /* of W_in: 2 gated, 1 not */
    void (*forward)(const Ctx *c, const float *hid, float *s);
    /* From ds: hid in place to dhid, and s again. */
    void (*backward)(const Ctx *c, float *hid, const float *ds, float *s);
} MlpSlot;

extern const PositionSlot position_slots[];
extern const QkSlot qk_slots[];
extern const AttentionSlot attention_slots[];
extern const HeadOutSlot head_out_slots[];
extern const NormKind norm_kinds[];
extern const NormPlace norm_places[];
extern const MlpSlot mlp_slots[];

/* Whether a norm stands at that stage. */
bool norm_stands(const ModelConfig *c, Stage s);

/* The stage's row for a configuration. */
const SlotHead *slot_head(const ModelConfig *c, Stage s);

#endif
