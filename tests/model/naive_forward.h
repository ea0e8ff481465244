/* Owns: a model's forward pass in double, as naive loops write it, with all that instruments read: for
 * references. Of one architecture (naive_config): RMSNorm before each sublayer, softmax attention without
 * position, SwiGLU; document mask, window, kept keys and prefix. Does not own: any expectation. */
#ifndef SINKLAB_TESTS_MODEL_NAIVE_FORWARD_H
#define SINKLAB_TESTS_MODEL_NAIVE_FORWARD_H

#include "model/model.h"

/* What is added to the stream that enters a block, or to the normed input of its attention. */
typedef struct Nudge {
    int layer;
    bool input;
    const double *by; /* (T, D) */
} Nudge;

typedef struct Forward {
    const Model *m;
    const Nudge *nudge; /* NULL: none */
    int T, L, H, D, F;
    double *A;           /* (L, H, T, T) */
    double *q, *k, *v;   /* (L, T, D) */
    double *o, *add;     /* (L, T, D) aggregated values, and what W_O makes of them */
    double *in, *hidden; /* (L, T, D) normed input of the MLP, (L, T, F) */
    double *x;           /* (L, T, D) residual stream after the block */
} Forward;

/* small_config() without position, unchecked. */
ModelConfig naive_config(void);
/* Of one row of tokens. */
Forward naive_forward(const Model *m, const int32_t *x, const int32_t *doc_start, int T);
/* From the vectors that enter block 0, (T, D). */
Forward naive_from(const Model *m, const double *x0, const int32_t *doc_start, int T);
Forward naive_nudged(const Model *m, const double *x0, const int32_t *doc_start, int T, const Nudge *nudge);
void naive_free(Forward *f);

/* The vectors of tokens, (T, D). */
void naive_embed(const Model *m, const int32_t *x, int T, double *x0);
/* A quantity (L, T, width) at a layer and a token. */
double *naive_at(const Forward *f, double *of, int width, int layer, int t);
/* Loss of a target, nats, of the final norm and the head after a layer. */
double naive_loss(const Forward *f, int layer, int t, int32_t target);

#endif
