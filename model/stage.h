/* Owns: a pass as its stages see it: what one is given (Ctx), where taps are offered, how a norm stands at a
 * stage, where a phase ends. Does not own: the order of the stages (model/block.c, model/pass.c). */
#ifndef SINKLAB_STAGE_H
#define SINKLAB_STAGE_H

#include "model/tape.h"

/* Everything a stage of this pass needs; made once a pass. */
typedef struct Pass {
    const Model *m;
    Tape *t;
    const Batch *b;
    int64_t N;
    float *grads;            /* NULL: forward only */
    const struct Pass *sink; /* the pass of x*, one token that every row sees; NULL: none */
    const int32_t *place;    /* (N) positions of the tokens in their rows; NULL: 0 .. T-1 */
    bool taps_only;          /* the backward is for its taps: linear layers leave their weights out */
} Pass;

/* The Ctx of a stage, with its tensors and their gradients filled in. */
Ctx stage_ctx(const Pass *p, int layer, Stage s);
/* Lets interventions change an array at this tap, then shows it to the observers that want it. */
void tap(const Pass *p, TapPoint at, int layer, float *data, int width, const Heads *heads);

/* The same of an array in rows of ld. */
void tap_rows(const Pass *p, TapPoint at, int layer, float *data, int width, int64_t ld, const Heads *heads);
/* Lets interventions change an array that the backward made again, as they did in the forward; shows nobody.
 */
void tap_again(const Pass *p, TapPoint at, int layer, float *data, int width);

/* Shows a gradient (N, d) to the observers that want it. */
void tap_gradient(const Pass *p, TapPoint at, int layer, const float *grad);

/* The gradient of what was there before from that of what interventions left: in place. */
void tap_back(const Pass *p, TapPoint at, int layer, float *grad, int width, int64_t ld, const Heads *heads);

/* Ends a phase of the pass that did that much work a token. */
static inline void phase_done(const Pass *p, Phase phase, double flops, double bytes) {
    phase_end(p->t->phases, phase, (Work){flops * (double)p->N, bytes * (double)p->N});
}

/* The norm of a stage, of x (N, d): into `out`, or x itself where none stands. */
const float *norm_forward(const Pass *p, int l, Stage s, const float *x, float *out, float *stat);
/* dx += the gradient through the norm, given the norm's input x. */
void norm_backward(const Pass *p, int l, Stage s, const float *x, const float *stat, const float *dh,
                   float *dx);

#endif
