/* Owns: a model's weights and their table, one pass over a batch: tokens -> loss -> gradients.
 * Does not own: where tokens come from, what is done with gradients, files. */
#ifndef SINKLAB_MODEL_H
#define SINKLAB_MODEL_H

#include "data/base/error.h"
#include "model/model_config.h"
#include "model/tap.h"
#include "model/timing.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The fixed sequence of stages. Each owns its tensors; those of a block come once a layer. */
typedef enum Stage {
    STAGE_EMBED,    /* x = E[token] */
    STAGE_POSITION, /* + P[t], or a rotation of q and k, or nothing */
    STAGE_SINK,     /* x*, a learned token before every row, or nothing */
    STAGE_ROUTER,   /* of a routed block: which tokens it computes (model/route.h) */
    STAGE_NORM_ATTN,
    STAGE_QKV,
    STAGE_QK,
    STAGE_VALUE, /* v <- s v, or nothing */
    STAGE_ATTENTION,
    STAGE_HEAD_OUT,
    STAGE_OUT,
    STAGE_ADD_NORM_ATTN, /* of what attention adds */
    STAGE_SUM_NORM_ATTN, /* of the sum */
    STAGE_NORM_MLP,
    STAGE_MLP,
    STAGE_ADD_NORM_MLP,
    STAGE_SUM_NORM_MLP,
    STAGE_NORM_FINAL,
    STAGE_HEAD,
    STAGES
} Stage;

/* A symbolic size, so that a tensor's shape is data. */
typedef enum Size {
    SIZE_NONE,
    SIZE_ONE,
    SIZE_V,
    SIZE_T,
    SIZE_D,
    SIZE_H,     /* heads */
    SIZE_KVH,   /* heads of values */
    SIZE_HEADS, /* all heads' floats */
    SIZE_HEAD,  /* one head's */
    SIZE_KV,    /* those of all heads of keys, or of values */
    SIZE_GAIN,  /* one head's, or all heads': head_out_gain */
    SIZE_F,
    SIZE_RANK /* of a norm's gate */
} Size;

typedef enum Init {
    INIT_NORMAL,    /* a matrix: see model/init.c for the laws of these four */
    INIT_RESIDUAL,  /* attention's projection onto the residual stream */
    INIT_DOWN,      /* the feed-forward's */
    INIT_EMBEDDING, /* vectors of tokens and of places */
    INIT_ONE,
    INIT_ZERO,
    INIT_BIAS,       /* zero; the tensor is there with model.bias only */
    INIT_HALF,       /* DyT's slope */
    INIT_HEAD_SCALE, /* head_out_scale, times what attention asks for (AttentionSlot.head_gain) */
    INIT_SMALL,      /* N(0, 0.02^2) under every law: null keys, routers */
    INIT_LAMBDA,     /* N(0, 0.1^2) under every law: see differential attention */
    INITS
} Init;

/* A row of a slot's list of tensors. Stored (rows, cols) row-major, as Hugging Face does:
 * a linear layer's weight is (out, in). cols = SIZE_NONE: a vector. */
typedef struct TensorSpec {
    const char *name; /* after "model.layers.L." in a block, after nothing outside */
    Size rows, cols;
    Init init;
} TensorSpec;

/* One tensor of a model, as laid out. Matrices (two dims) decay, vectors are gains. */
typedef struct Tensor {
    char name[112];
    const TensorSpec *spec;
    int layer; /* -1 outside the blocks */
    Stage stage;
    int dims;
    int64_t rows, cols; /* cols = 1 for a vector */
    size_t offset;      /* floats from the start of the arena */
} Tensor;

typedef struct Model {
    ModelConfig config;
    Tensor *tensors;
    int n_tensors;
    size_t arena;       /* floats, with padding between stages (zero, and stays zero) */
    int64_t parameters; /* without padding */
    float *params;      /* one allocation; gradients and optimiser state are laid out alike */
} Model;

/* Lays out the tensors; `with_params` false leaves params NULL (sizes only). */
bool model_create(Model **out, const ModelConfig *c, bool with_params, Error *e);
void model_free(Model *m);
/* Random weights: a pure function of (seed, tensor name, index), so that tensors which two
 * variants share start alike. */
void model_init(Model *m, uint64_t seed);
/* i-th tensor of a stage (layer -1 outside the blocks); NULL if it has none. */
const Tensor *model_tensor(const Model *m, int layer, Stage s, int i);
const Tensor *model_find(const Model *m, const char *name);
/* An arena like params, zeroed, 64-byte aligned, huge pages advised; NULL when memory is short. First touch
 * decides a page's NUMA node: tensors are zeroed in the slices in which AdamW, SGD, RMSProp and Lion update
 * them, so that a pinned thread (OMP_PROC_BIND) finds its slice of weights, gradients and moments near. A
 * tensor smaller than a huge page (2 MB) a thread shares its pages with its neighbours. Products read weights
 * across nodes. */
float *model_arena(const Model *m);
/* Nominal FLOPs of a training step per token: 6 per weight of every matrix product and 12 L T d
 * for attention, not halved for causality (the figure that peers quote). */
double model_flops_per_token(const Model *m, int T);

/* Rows that go through together at the least, so that sums over tokens are cut alike whatever
 * the number of rows in flight: max(1, 256 / T). */
int model_chunk_rows(int T);

typedef struct Batch {
    int rows, T;
    const int32_t *x, *y, *doc_start; /* (rows, T), as data.h's Rows */
    int64_t row0;                     /* of the first row within the pass, for observers */
} Batch;

/* The memory of a pass: activations of up to `rows` rows of T tokens. */
typedef struct Tape Tape;
/* `train` keeps what the backward needs; without it layers share their memory. */
bool tape_create(Tape **out, const Model *m, int rows, int T, bool train, Error *e);
void tape_free(Tape *t);
size_t tape_bytes(const Model *m, int rows, int T, bool train); /* what tape_create would take */
int tape_rows(const Tape *t);                                   /* its room */
/* Makes the linear layers round their inputs to bf16 (sums stay fp32); needs gemm_bf16_supported(). The
 * weights are rounded by tape_pack: before the first pass, and before the first after they changed. */
bool tape_bf16(Tape *t, const Model *m, Error *e);
size_t tape_bf16_bytes(const Model *m, int rows, int T, bool train); /* what tape_bf16 would take */
/* Nothing where the tape is not in bf16. `phases`: as of tape_time. */
void tape_pack(Tape *t, const Model *m, Phases *phases);
void tape_observe(Tape *t, Observers o);
/* A training pass adds to what it descends, over rows r,
 *     sum_r share (c (M_r - target)^2 + balance sum_l H CV^2(G_rl)).
 * M_r: the mean weight on the first key over r's layers, heads and queries; c of either sign: towards the
 * target or away from it. G_rl: of each head of layer l its gate, the mean over queries but the first of
 * their document of 1 - (weight on the first key); CV^2: the variance over the heads (divided by H) over the
 * square of their mean (arXiv 2602.01203). Means are a row's own, so that rows in flight change no bit; where
 * the gates of a layer are all 0, CV has no slope. Not part of tape_losses. */
typedef struct SinkPenalty {
    double c, target;
    double share; /* of a row: 1 / rows of the step */
    double balance;
} SinkPenalty;
static inline bool penalises(SinkPenalty p) {
    return p.c || p.balance; /* nothing else is a penalty */
}
bool tape_penalise(Tape *t, const Model *m, SinkPenalty p, Error *e);
void tape_time(Tape *t, Phases *phases); /* laps of the passes to come; NULL: none */
/* Loss of each token of the last pass, nats, (rows, T); 0 where the target is not scored. */
const float *tape_losses(const Tape *t);

/* Forward: losses, and every tap. */
void model_forward(const Model *m, Tape *t, const Batch *b);
/* The forward pass without the classifier: no losses, and every tap but the logits. */
void model_stream(const Model *m, Tape *t, const Batch *b);
/* Forward and backward: adds scale * d(sum of losses)/dw to grads. */
void model_train(const Model *m, Tape *t, const Batch *b, float scale, float *grads);
/* Forward, and scale * d(sum of losses) back through the blocks for who observes the backward's taps, and no
 * further: gradients of weights are not made, a sink penalty is left out. `scratch`, laid out as gradients
 * are, is written into. The tape is a training one. */
void model_slopes(const Model *m, Tape *t, const Batch *b, float scale, float *scratch);
/* Forward, then g (N, d), a gradient of the final residual stream, back through the blocks: returns that of
 * what enters the first, (N, d), the tape's. What its weights get is added to grads. */
const float *model_pull(const Model *m, Tape *t, const Batch *b, const float *g, float *grads);

#endif
