/* Owns: the form and the table of optimisers, a file each, the clip by the global gradient norm, which
 * tensors decay. Does not own: the learning rate (train/optim/schedule.h), the loop. */
#ifndef SINKLAB_OPTIM_H
#define SINKLAB_OPTIM_H

#include "model/model.h"
#include "train/config/config.h"
#include "train/optim/parts.h"

enum { OPTIM_STATES = 2 };

/* The arguments of an update of one tensor. */
typedef struct OptimStep {
    const OptimConfig *c;
    int64_t step; /* from 1 */
    double lr;
    double scale;       /* multiplies every gradient: the clip */
    bool decay;         /* this tensor decays */
    const float *fixed; /* what `prepare` made for this tensor */
    float *scratch;     /* of the size that `scratch` asked for */
} OptimStep;

/* Keys of an optimiser beside lr, weight_decay and clip: bits of Optimiser.keys. */
typedef enum OptimKey { KEY_BETA1 = 1, KEY_BETA2 = 2, KEY_EPS = 4 } OptimKey;

typedef struct Optimiser {
    const char *name, *help;
    int keys;                        /* the keys that the optimiser has: OptimKey bits */
    const char *state[OPTIM_STATES]; /* names of what it keeps a weight, as in PyTorch; NULL: none */
    /* Floats of room for a tensor: `fixed` ones are made once and kept (a basis), `scratch` is to work in.
     * NULL: none. A tensor with scratch is updated whole, by one process; any part of another is updated like
     * the rest of it, as a vector. */
    size_t (*fixed)(const Tensor *t);
    size_t (*scratch)(const Tensor *t);
    void (*prepare)(const Tensor *t, uint64_t seed, float *fixed);
    /* w, g and state[i] are the tensor's (rows, cols). */
    void (*update)(const OptimStep *s, const Tensor *t, float *w, const float *g,
                   float *const state[OPTIM_STATES]);
} Optimiser;

/* What decoupled weight decay leaves of a weight. */
static inline float optim_keep(const OptimStep *s) {
    return (float)(1 - (s->decay ? s->lr * s->c->weight_decay : 0));
}

extern const Optimiser optimisers[]; /* ended by a NULL name */
const char *optimiser_name(int i);   /* row of the table; NULL past the end */
const char *optimiser_help(int i);

/* An observer of updates, called for what this process has of every tensor, the i-th of the model. */
typedef struct UpdateWatch {
    void *self;
    void (*before)(void *self, const Tensor *t, int i, const float *w,
                   const float *g); /* g: before the clip */
    void (*after)(void *self, const Tensor *t, int i, const float *w);
} UpdateWatch;

/* The states of an optimiser, laid out as the model's weights, of which each process has its part alone;
 * `fixed` is a pure function of the seed. */
typedef struct OptimState {
    const Optimiser *kind;
    Parts parts;
    float *arena[OPTIM_STATES];
    float *fixed, *scratch;
    const UpdateWatch *watch; /* NULL: nobody */
} OptimState;

/* p: those that share the states and the update (NULL: nobody does), which outlive it. */
bool optim_create(OptimState *o, const OptimConfig *c, const Model *m, uint64_t seed, Processes *p, Error *e);
void optim_free(OptimState *o);
/* Bytes that the whole of it takes. */
double optim_room(const OptimConfig *c, const Model *m);

/* Sums the gradients over the processes, clips, updates this one's part of every tensor and takes the others'
 * from them; returns the norm of the gradients before the clip (l2, over all of them, added in double in a
 * fixed order). grads: spoiled where others have the sum. */
double optim_update(OptimState *o, const OptimConfig *c, Model *m, float *grads, int64_t step, double lr);

/* The states of all into the first process's, which else has its own alone; back from there to all; others'
 * forgotten again. */
void optim_collect(OptimState *o);
void optim_deal(OptimState *o);
void optim_forget(OptimState *o);

/* The work of this process's update: weights and states read and written, the gradient read twice; FLOPs as
 * of AdamW. */
Work optim_work(const OptimState *o);

/* ---- the rows of the table ---- */

#define UPDATE(name)                                                                                         \
    void name##_update(const OptimStep *s, const Tensor *t, float *w, const float *g,                        \
                       float *const state[OPTIM_STATES]);
UPDATE(adamw)
UPDATE(lion)
UPDATE(muon)
UPDATE(orthoadam)
UPDATE(rmsprop)
UPDATE(sgd)
#undef UPDATE

size_t muon_scratch(const Tensor *t);
/* U V^T of X = U S V^T, nearly: five steps of X = a X + (b A + c A A) X, A = X X^T, of Newton and Schulz
 * on X / ||X||_F, whose quintic leaves singular values within 0.7 and 1.2. X (rows, cols) in place, rows <=
 * cols; scratch: rows (cols + 2 rows) floats. */
void muon_orthogonalise(float *X, int64_t rows, int64_t cols, float *scratch);

size_t orthoadam_fixed(const Tensor *t);
size_t orthoadam_scratch(const Tensor *t);
/* fixed: P (a, a), R (b, b), a function of (seed, the tensor's name). */
void orthoadam_prepare(const Tensor *t, uint64_t seed, float *fixed);

#endif
