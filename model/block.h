/* Owns: one transformer block, forward and backward, as a fixed sequence of stages; what fills
 * a stage comes from its slot. Does not own: embedding, head, loss (model/pass.c). */
#ifndef SINKLAB_BLOCK_H
#define SINKLAB_BLOCK_H

#include "model/tape.h"

/* Everything a stage of this pass needs; made once a pass. */
typedef struct Pass {
    const Model *m;
    Tape *t;
    const Batch *b;
    int64_t N;
    float *grads;            /* NULL: forward only */
    const struct Pass *sink; /* the pass of x*, one token that every row sees; NULL: none */
} Pass;

/* What the ops of a stage see; its tensors and their gradients filled in. */
Ctx stage_ctx(const Pass *p, int layer, Stage s);
/* Shows an array to the observers that want this tap. */
void tap(const Pass *p, TapPoint at, int layer, float *data, int width, const Heads *heads);

/* dW += dY^T X, a grain of rows at a time, in row order. dY (N, out), X (N, in) in rows of ldx, dW (out, in).
 */
void grad_weights(const Pass *p, const float *dY, int64_t out, const float *X, int64_t ldx, int64_t in,
                  float *dW);

/* The norm of a stage, of x (N, d): into `out`, or x itself where none stands. */
const float *norm_forward(const Pass *p, int l, Stage s, const float *x, float *out, float *stat);
/* dx += the gradient through it, given its input. */
void norm_backward(const Pass *p, int l, Stage s, const float *x, const float *stat, const float *dh,
                   float *dx);

/* acts[l].x -> acts[l + 1].x */
void block_forward(const Pass *p, int l);
/* t->dx, the gradient of acts[l + 1].x, to that of acts[l].x */
void block_backward(const Pass *p, int l);

#endif
