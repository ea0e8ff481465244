/* Owns: the memory of a pass: which activations a layer keeps for the backward, what is
 * scratch, where each lies. Nothing of it is touched before the first pass, so that what is cut by tokens
 * lies near the thread whose tokens they are, and packed bf16 factors near the thread that packed them. Does
 * not own: the arithmetic (model/block.c, model/pass.c). */
#ifndef SINKLAB_TAPE_H
#define SINKLAB_TAPE_H

#include "model/interventions/intervention.h"
#include "model/model.h"
#include "model/slots.h"
#include "model/timing.h"

/* Activations that the backward of a norm needs. N = B T tokens. */
typedef struct NormActs {
    float *x;    /* (N, d) its input, where the norm overwrites it */
    float *stat; /* (N, NORM_STATS) */
} NormActs;

/* One layer's activations. */
typedef struct Acts {
    float *x;         /* (N, d)       residual stream entering the block */
    float *norm_attn; /* (N, NORM_STATS) of x */
    float *qkv;       /* (N, (H + 2 KV) dh) q, k after norm and position; v */
    float *stat;      /* (B, H, maps, T) attention's row statistics */
    float *o;         /* (N, H dh)    aggregated values */
    float *plain;     /* (N, H dh)    the same before interventions; o where there are none */
    float *value;     /* (N, KV dh)   values before value_scale; of nobody without the key */
    float *gate;      /* (N, gates)   of the heads */
    float *mid;       /* (N, d)       residual stream between attention and MLP */
    float *norm_mlp;  /* (N, NORM_STATS) of mid */
    float *hid;       /* (N, parts f) MLP pre-activations */
    float *saved;     /* (N, qk slot's) */
    NormActs add_attn, sum_attn, add_mlp, sum_mlp;
    /* of a routed block, n = rows k picked tokens */
    float *scores;        /* (N)    the router's */
    int32_t *place;       /* (n)    positions of the picked */
    float *picked, *made; /* (n, d) what they are as they enter, and as they leave */
} Acts;

struct Tape {
    int rows, T; /* room */
    bool train;
    Acts *acts; /* (L + 1): the last has only x, the final residual stream */
    float *norm_final;
    float *h;              /* (N, d)     normed input of a sublayer */
    float *y;              /* (N, H dh)  head_out's output */
    float *s;              /* (N, f)     MLP hidden activations */
    float *add;            /* (N, d)     what a sublayer adds */
    float *logits;         /* (chunk, V) in rows of logits_ld */
    float *cap_slope;      /* likewise, of model.final_logit_cap where there are gradients */
    float *losses;         /* (N) */
    float *partial;        /* strips of gains */
    float *rotation;       /* the position slot's table */
    float *attention;      /* scratch of each thread */
    float *first;          /* (B, H, T)  weights on first keys, for observers */
    float *value;          /* (N, KV dh) the first block's, where others mix them in */
    struct Tape *sink;     /* of x*, one token; NULL: none */
    int32_t *no_documents; /* (n)      zero: doc_start of picked tokens */
    /* backward only */
    float *dx, *dh;           /* (N, d) */
    float *dadd;              /* (N, d)     through a norm that overwrites the stream */
    float *dy;                /* (N, H dh) */
    float *dqkv;              /* (N, (H + 2 KV) dh) */
    float *dvalue;            /* as value */
    float *parts;             /* (B, H, ...) gradients of what attention's heads own */
    float *dkv;               /* (2, KV dh) of x*: what the rows give its key and value in a block */
    float *ds;                /* (N, f) */
    float *dpicked, *drouter; /* (n, d), (n) of picked tokens, by what leaves a routed block; by its scores */
    float *memory;            /* the one allocation */
    uint16_t *bf16;           /* room of packed bf16 factors; NULL: products in fp32 */
    struct Bf16Weights *bf16_weights; /* the weights in bf16; NULL: products in fp32 */
    Observers observers;
    SinkPenalty penalty;
    float *masses;    /* (L, B, H, T) weights on first keys, kept for the penalty; NULL: none */
    float *d_mass;    /* (L, B, H, 2) its slope by each of a head's, see model/penalty.h */
    Changes *changes; /* what interventions change; NULL: nothing */
    int32_t *tokens;  /* (N)         a batch's, where they change them */
    Phases *phases;   /* NULL: nobody asks where the time goes */
};

/* Tokens of logits that exist at a time: one chunk. */
int64_t tape_chunk(const Tape *t);

#endif
