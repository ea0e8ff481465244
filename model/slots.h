/* Owns: what fills a stage: for each slot the form of its rows and its table. A row is an op
 * pair with its tensors; the block loop (model/block.c) is the same for all.
 * Does not own: the rows (model/ops), the order of the stages (model/model.h).
 * To add a variant: a file in model/ops with the pair, a row in its table below, a test. */
#ifndef SINKLAB_SLOTS_H
#define SINKLAB_SLOTS_H

#include "model/model.h"

enum { SLOT_TENSORS = 8 };

/* The part that every row of every slot begins with. */
typedef struct SlotHead {
    const char *name;                 /* in YAML */
    const char *help;                 /* one line, with the paper */
    TensorSpec tensors[SLOT_TENSORS]; /* ends at the first without a name */
} SlotHead;

/* A slot's op sees its stage of the pass as this. N = B T tokens. */
typedef struct Ctx {
    const ModelConfig *c;
    int layer, B, T;
    int64_t N;
    int d, H, dh, f;
    int64_t ld;                   /* floats of a token's q, k, v: (H + 2 KV) dh */
    int KV;                       /* heads of keys and values */
    int dk;                       /* floats of q and k that are one vector: dh, less with two maps */
    const float *w[SLOT_TENSORS]; /* the slot's tensors, in its order */
    float *dw[SLOT_TENSORS];      /* their gradients (backward) */
    float *partial;               /* room for strip sums, see model/ops/strips.h */
    float *saved;                 /* what the slot keeps from forward to backward */
    const float *v; /* for a head_out slot of `own`: the tokens' values, (N, KV dh) in rows of ld, */
    float *dv;      /* and (backward) their gradient through it, (N, KV dh), overwritten */

    const float *rotation; /* the position slot's table */
    const int32_t *place;  /* (N) positions of the tokens in their rows; NULL: 0 .. T-1 */
    float eps;             /* of norms */
} Ctx;

/* Position: at the embedding, or on q and k. Any of the functions may be NULL. */
typedef struct PositionSlot {
    SlotHead head;
    int64_t (*table_width)(const ModelConfig *c); /* floats a place of Ctx.rotation */
    void (*table)(const ModelConfig *c, int T, float *rotation);
    void (*embed_forward)(const Ctx *c, float *x); /* x (N, d) in place */
    void (*embed_backward)(const Ctx *c, const float *dx);
    void (*rotate_forward)(const Ctx *c, float *qkv, int64_t ld); /* q and k in place */
    void (*rotate_backward)(const Ctx *c, float *dqkv, int64_t ld);
    float (*slope)(const ModelConfig *c, int h); /* by which head h's scores fall with distance; NULL: 0 */
} PositionSlot;

/* Transform of q and k before position. */
typedef struct QkSlot {
    SlotHead head;
    int64_t (*saved)(const ModelConfig *c); /* floats a token; NULL: none */
    void (*forward)(const Ctx *c, float *qkv, int64_t ld);
    void (*backward)(const Ctx *c, float *dqkv, int64_t ld);
} QkSlot;

/* One block of scores: queries q0 .. q0+nq-1 of one row and head against keys k0 .. k1-1 (both multiples
 * of VW); S[i * ld + k] is query q0+i on key k, -INFINITY where the query does not see the key. */
typedef struct Scores {
    int q0, nq, k0, k1;
    int64_t ld;
    const int32_t *seen; /* (nq) number of keys that each query sees */
    float *S;            /* scores in place to weights, 0 for keys not seen */
    float *null;         /* (nq) the null key's score in place to its weight; -INFINITY: there is none */
    float *stat;         /* (nq) what the backward needs of a row */
    float *S2, *stat2;   /* a second map of scores, for the slots that have two */
    float mix;           /* the head's PART_MIX */
    const ModelConfig *config;
    /* backward */
    float *dS, *dS2;  /* gradient of the weights in dS, in place to those of the scores */
    float *dnull;     /* (nq) likewise */
    const float *dot; /* (nq) sum over keys, with the null key, of A dA = o.do */
    float *dmix;      /* += the gradient of mix, where there is one */
} Scores;

/* The use that attention's heads make of a tensor of their slot. */
typedef enum AttentionPart {
    PART_LOGIT, /* (H) score of the null key, the same for every query */
    PART_KEY,   /* (H_kv, dh) the null key: its score is scale q.k*; without one the score is 0 */
    PART_VALUE, /* (H_kv, dh) its value; without one 0 */
    PART_SHIFT, /* (H_kv, dh) added to every value */
    PART_MIX,   /* (H) a number a head, Scores.mix: the share of a second map, a temperature, ... */
    PARTS
} AttentionPart;

/* Scores to weights and back; the matrix products around it are model/ops/attention.c's. The null key is
 * one more key that every query of a head sees (model.sink_heads says which heads have it). */
typedef struct AttentionSlot {
    SlotHead head;
    AttentionPart part[SLOT_TENSORS]; /* of each tensor */
    bool null_key;
    bool token;        /* the null key and its value are those of x*: STAGE_SINK, model/pass.c */
    bool unnormalised; /* rows of A need not sum to one, nor be positive: see Weights */
    int maps;          /* of scores a head: q and k fall into as many equal parts; 0: one, see slot_maps */
    /* Makes PART_MIX, (H) numbers of a block, where it is no tensor itself but a function of the slot's
     * tensors; and back: from the gradients of n (row, head)s, added one after the other, those of the
     * tensors. */
    void (*mix)(const Ctx *c, float *mix);
    void (*mix_backward)(const Ctx *c, const float *dmix, int n);
    double (*head_gain)(int layer); /* by which a norm of the heads begins smaller; NULL: 1 */
    void (*weights)(const Scores *b);
    void (*backward)(const Scores *b); /* makes the weights again and takes dS through them */
} AttentionSlot;

static inline int slot_maps(const AttentionSlot *slot) {
    return slot->maps ? slot->maps : 1;
}

/* A gate on the heads is a linear function of this. */
typedef enum GateFrom { GATE_NONE, GATE_INPUT, GATE_VALUE } GateFrom;

/* Transform of each head's aggregated output before W_O: y = norm(o) * gate, each of them optional. */
typedef struct HeadOutSlot {
    SlotHead head;
    void (*forward)(const Ctx *c, const float *o, float *y);   /* (N, H dh); NULL: y is o */
    void (*backward)(const Ctx *c, const float *o, float *dy); /* dy in place to do */
    bool own;        /* the pair needs the token's own values: Ctx.v, Ctx.dv */
    GateFrom gate;   /* of the token's normed input of attention (N, d), or of its values (N, KV dh) */
    int gate_tensor; /* which of the slot's is its matrix: (H dh, in), or (H, in) for one gate a head */
} HeadOutSlot;

/* Norm of a row of the residual stream. */
typedef struct NormKind {
    SlotHead head; /* names are completed per place, see model.c; w and gradients are laid out in one piece */
    /* x, h (d); stat (NORM_STATS): what the backward needs of the row. */
    void (*row)(const Ctx *c, const float *x, float *h, float *stat);
    /* dh to dx, added to dx; the gradient of w is added to dgain. */
    void (*row_back)(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx,
                     float *dgain);
} NormKind;

enum { NORM_STATS = 2 };

/* A place of norms: the set of stages at which one stands. */
typedef struct NormPlace {
    SlotHead head;
    uint32_t stages; /* bit 1 << Stage */
} NormPlace;

/* Feed-forward: hid = X W_in^T (N, parts f), s = act(hid) (N, f), out = s W_down^T. */
typedef struct MlpSlot {
    SlotHead head; /* W_in's parts (contiguous), the down-projection, then their biases likewise */
    int parts;     /* of W_in: 2 gated, 1 not */
    void (*forward)(const Ctx *c, const float *hid, float *s);
    /* The gradient dhid in place of hid, from ds; writes s again. */
    void (*backward)(const Ctx *c, float *hid, const float *ds, float *s);
} MlpSlot;

extern const PositionSlot position_slots[];
extern const QkSlot qk_slots[];
extern const AttentionSlot attention_slots[];
extern const HeadOutSlot head_out_slots[];
extern const NormKind norm_kinds[];
extern const NormPlace norm_places[];
extern const MlpSlot mlp_slots[];

/* Row i of a table above; its name is NULL past the last. */
const SlotHead *slot_row(SlotKind kind, int i);
/* Where a configuration keeps its choice of a row. */
int *slot_choice(ModelConfig *c, SlotKind kind);

/* A size in this model; floats of a tensor (model/tensor_size.c). */
int64_t size_of(const ModelConfig *c, Size s);
int64_t tensor_floats(const ModelConfig *c, const TensorSpec *t);

/* Whether a norm stands at that stage. */
bool norm_stands(const ModelConfig *c, Stage s);
/* Whether the linear layers of that stage have biases. */
bool bias_stands(const ModelConfig *c, Stage s);

#endif
