/* Owns: the form and the table of optimisers, the global gradient norm.
 * Does not own: each one's arithmetic (train/optim/), the schedule, the loop. */
#ifndef SINKLAB_OPTIM_H
#define SINKLAB_OPTIM_H

#include "model/model.h"
#include "train/config/config.h"

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
     * NULL: none. */
    size_t (*fixed)(const Tensor *t);
    size_t (*scratch)(const Tensor *t);
    void (*prepare)(const Tensor *t, uint64_t seed, float *fixed);
    /* w, g and state[i] are the tensor's (rows, cols). */
    void (*update)(const OptimStep *s, const Tensor *t, float *w, const float *g,
                   float *const state[OPTIM_STATES]);
} Optimiser;

extern const Optimiser optimisers[]; /* ended by a NULL name */
const char *optimiser_name(int i);   /* row of the table; NULL past the end */
const char *optimiser_help(int i);

/* An observer of updates, called for every tensor, the i-th of the model. */
typedef struct UpdateWatch {
    void *self;
    void (*before)(void *self, const Tensor *t, int i, const float *w, const float *g); /* g: before the clip */
    void (*after)(void *self, const Tensor *t, int i, const float *w);
} UpdateWatch;

/* The states of an optimiser, laid out as the model's weights; `fixed` is a pure function of the seed. */
typedef struct OptimState {
    const Optimiser *kind;
    float *arena[OPTIM_STATES];
    float *fixed, *scratch;
    const UpdateWatch *watch; /* NULL: nobody */
} OptimState;

bool optim_create(OptimState *o, const OptimConfig *c, const Model *m, uint64_t seed, Error *e);
void optim_free(OptimState *o);
/* Bytes that optim_create takes. */
double optim_room(const OptimConfig *c, const Model *m);

/* Clips and updates every tensor; returns the norm of the gradients before the clip (l2, over
 * all of them, added in double in a fixed order). */
double optim_update(OptimState *o, const OptimConfig *c, Model *m, const float *grads, int64_t step,
                    double lr);

/* The work of an update: weights and states read and written, the gradient read twice; FLOPs as of AdamW. */
Work optim_work(const OptimState *o, const Model *m);

#endif
