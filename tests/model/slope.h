/* Owns: the slope of a loss along a line in the space of weights, by differences, and the judgement of a
 * gradient against it; a rig's loss as such a function. Does not own: which lines are taken.
 *
 * The stencil has six points, d(h) = (45 (f1 - f-1) - 9 (f2 - f-2) + (f3 - f-3)) / 60 h, so that steps may be
 * long: what it leaves out goes with h^6. The step is halved until d(4h), d(2h) and d(h) agree within 5e-4
 * and noise (two alone may agree by chance), which leaves d(h) off by 1 / 63 of that; the choice never looks
 * at the gradient.
 *
 * The noise of a loss is measured, not assumed: fourth differences over twelve tiny steps have lost whatever
 * is smooth (More and Wild 2011), so sigma^2 = mean (D4 f)^2 / 70. The stencil's weights carry it to the
 * slope as 1.09 sigma / h; six times that is allowed. Allowed in all: 1e-3 of the slope (the gradient's own
 * roundings and what is left of the stencil's error), 4e-6 nats over the reach (a gradient whose terms cancel
 * keeps their roundings: a few units in the last place of the loss) and the noise, which may be 2e-2 of the
 * slope at most: a line along which noise hides more tells nothing, and the caller must draw another. Only
 * where 0.3 of a tensor moves the loss by less than 1e-4 nats, by differences and by the gradient both, noise
 * may be all there is; where the two then differ by more than is allowed, another must be drawn as well,
 * since roundings of far larger parts may be all of such a gradient.
 *
 * A loss with kinks or jumps (ReLU and its kin) has a slope on each side of them. It tells the side it was
 * on, and a step that leaves the side is halved, so that all six points lie where the loss is smooth. The
 * fewer units and weights there are, the longer such a step: models with kinks are tested at smaller sizes,
 * and drawn anew where a kink is too near. */
#ifndef SINKLAB_TESTS_MODEL_SLOPE_H
#define SINKLAB_TESTS_MODEL_SLOPE_H

#include "tests/model/support.h"

typedef struct Line {
    float *w;       /* the weights that move, n of them, left as they were */
    const float *v; /* the direction */
    size_t n;
    double (*loss)(void *self);
    void *self;
    const uint64_t *sides; /* of its kinks, which the last loss was on; NULL: it has none */
} Line;

/* Fails unless the slope at w is D. reach: the longest step. False where the line tells nothing: no step
 * settles, or noise hides more than 2e-2 of the slope, or roundings all of it. */
bool check_slope(const Line *l, double reach, double D, const char *what);

/* A direction for a tensor's weights, into v, both laid out as the model's: its gradient, so that the loss
 * moves, and normals of the same size uphill, so that a part which the gradient lacks shows. Returns g.v and
 * lowers *reach to the step that moves the tensor by 0.3 of its root mean square. */
double tilt(const Model *m, const Tensor *t, const float *g, float *v, double *reach);

/* Where a model's loss is not smooth: found in a pass of its own, so that a new kind need not be told. */
typedef struct Kinks {
    bool hidden, weights; /* at the hidden units, in attention's weights */
    double clip;          /* of the stream, at +- this; 0: none */
    bool routed;          /* where a router picks other tokens */
} Kinks;
Kinks kinks_of(const ModelConfig *c);
static inline bool kinky(Kinks k) {
    return k.hidden || k.weights || k.clip || k.routed;
}

/* A rig's mean loss over scored tokens, with its sink penalty. The tape's own observers look on, and may
 * write. */
typedef struct RigLoss {
    const Rig *r;
    Tape *tape;
    Batch batch;
    SinkPenalty penalty; /* c = balance = 0: none */
    double *
        mass; /* on first keys, (rows, L, H, 2): of first queries, of others; room where there is a penalty */
    Kinks kinks;
    uint64_t sides;
} RigLoss;
double rig_loss(void *self);
int rig_scored(const Batch *b);
/* For a Line: NULL where nothing has. */
const uint64_t *rig_sides(const RigLoss *l);

#endif
