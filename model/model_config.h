/* Owns: what a model is: its sizes and which row of each slot's table fills the slot.
 * Does not own: where the values come from (train/config/config.c reads the YAML). */
#ifndef SINKLAB_MODEL_CONFIG_H
#define SINKLAB_MODEL_CONFIG_H

#include "data/base/error.h"
#include "data/base/list.h"

#include <stddef.h>
#include <stdint.h>

/* The tables of rows (model/slots.h), by the key that chooses among them; 0: none of them. */
typedef enum SlotKind {
    SLOT_ATTENTION = 1,
    SLOT_HEAD_OUT,
    SLOT_QK,
    SLOT_POSITION,
    SLOT_NORM,
    SLOT_NORM_KIND,
    SLOT_MLP,
    SLOT_KINDS
} SlotKind;

typedef enum HeadOutGain { GAIN_SHARED, GAIN_HEAD, HEAD_OUT_GAINS } HeadOutGain;
typedef enum RopeScaling { SCALING_NONE, SCALING_LINEAR, SCALING_LLAMA3, SCALING_YARN, SCALINGS } RopeScaling;
/* Whether the feed-forward reads what enters the block, beside attention: not, under a norm of its own, or
 * under attention's. */
typedef enum Parallel { PARALLEL_NONE, PARALLEL_TWO_NORMS, PARALLEL_ONE_NORM, PARALLELS } Parallel;
/* Linear layers of the blocks with biases: none (in YAML false), all (true), those of q, k and v (qkv),
 * attention's four (attention), the feed-forward's (mlp). */
typedef enum Bias { BIASED_NONE, BIASED_ALL, BIASED_QKV, BIASED_ATTENTION, BIASED_MLP, BIASED } Bias;

typedef struct ModelConfig {
    int64_t vocab;     /* set from the data */
    int64_t layers;    /* L */
    int64_t width;     /* d */
    int64_t heads;     /* H */
    int64_t head_dim;  /* floats of a head's q, k and v; 0: d / H */
    int64_t kv_heads;  /* heads of keys and values, shared by H / kv_heads queries each; 0: H */
    int64_t context;   /* T, the training context: learned positions have this many rows */
    int64_t mlp_width; /* f; 0: 8/3 d rounded down to a multiple of 32 when gated, else 4 d */
    int attention;     /* row of attention_slots */
    int head_out;      /* row of head_out_slots */
    int qk;            /* row of qk_slots */
    int position;      /* row of position_slots */
    double rope_theta; /* base of the rotations */
    int64_t rope_dims; /* floats of a head that are turned, the first; 0: all */
    int rope_scaling;  /* RopeScaling, and its numbers: */
    double rope_factor;
    int64_t rope_original;      /* context before scaling; 0: model.context */
    double rope_low, rope_high; /* turns over that context, between which llama3 and yarn blend */
    int norm;                   /* row of norm_places: where norms stand */
    int norm_kind;              /* row of norm_kinds: what they do */
    double norm_eps;            /* under the root of every norm */
    int parallel;               /* Parallel */
    int64_t gate_rank;          /* of norm_kind: gated */
    int mlp;                    /* row of mlp_slots */
    int64_t window;             /* attend to the last `window` keys only; 0 = all */
    int64_t window_keep;        /* and to the document's first keys, so many */
    int64_t prefix;             /* the first positions see each other (prefix LM), so many */
    List sink_heads;            /* numbers of the heads that get the null key; empty: all */
    double clip_gamma;          /* of attention: clipped */
    double clip_zeta;
    double value_residual;  /* v <- (1 - mix) v + mix v of the first block */
    bool value_scale;       /* v <- s v, s learned a head */
    double logit_cap;       /* scores q.k of attention become c tanh(s / c); 0: they do not */
    double final_logit_cap; /* the same of the classifier's logits */
    double residual_clip;   /* the stream is clipped to +-c after each block; 0: it is not */
    double depth_capacity;  /* share of a row's tokens that a routed block computes; 0 or 1: none is routed */
    double head_out_scale;  /* initial gain of a head-output norm */
    int head_out_gain;      /* HeadOutGain */
    double embedding_std;
    int init;           /* row of init_laws */
    int bias;           /* Bias */
    bool tie;           /* the classifier shares the embedding's weights */
    List interventions; /* trained under these, see model/interventions */
} ModelConfig;

/* Names of the choices that are no slot (a slot's: slot_row, model/slots.h); NULL past the end. */
const char *init_name(int i);
const char *head_out_gain_name(int i);
const char *rope_scaling_name(int i);
const char *bias_name(int i);
const char *parallel_name(int i);

/* Heads of keys and values. */
int config_kv_heads(const ModelConfig *c);
/* Floats of a head, and of all heads of queries. */
int64_t config_head_dim(const ModelConfig *c);
int64_t config_heads_width(const ModelConfig *c);
/* Whether a layer's block computes only the tokens that its router picks (model/route.h), and how many of T.
 */
bool config_routes(const ModelConfig *c);
bool config_is_routed(const ModelConfig *c, int layer);
int config_routed_tokens(const ModelConfig *c, int T);
/* Hidden units of the MLP. */
int64_t config_mlp_width(const ModelConfig *c);
/* Whether model.sink_heads gives head h the null key. */
bool config_has_null(const ModelConfig *c, int h);

/* Fills what was left to the program (kv_heads, mlp_width) and refuses interventions that are none: exit code
 * 2. What cannot be combined is refused before (train/config/conflicts.c). */
bool model_config_check(ModelConfig *c, Error *e);

#endif
