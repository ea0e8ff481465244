/* Owns: the names of the score-to-weight pairs, one file each, for the table (attention_slots.c).
 * Does not own: the matrix products around them (attention.h).
 *
 * Scores of keys not seen are -INFINITY, and their weights and gradients must come out 0. e^s, sigma(s) and
 * max(s, 0) see to that by themselves. A pair that multiplies a score (a temperature: z = t s; its gradient:
 * sum s dz) must not: -INFINITY times 0 is NaN, times a negative t +INFINITY. Take the unseen keys out first,
 * as softpick does: vf_pick(s == -INFINITY, vf_all(0), t * s) where 0 is what they count for, z = -INFINITY
 * before an exponential. */
#ifndef SINKLAB_WEIGHT_FUNCTIONS_H
#define SINKLAB_WEIGHT_FUNCTIONS_H

#include "model/slots.h"

#define WEIGHT_PAIR(name)                                                                                    \
    void name##_weights(const Scores *b);                                                                    \
    void name##_weights_backward(const Scores *b);
WEIGHT_PAIR(softmax)
WEIGHT_PAIR(sigmoid)
WEIGHT_PAIR(sigmoid_bias)
WEIGHT_PAIR(sigmoid_norm)
WEIGHT_PAIR(relu)
WEIGHT_PAIR(elu1)
WEIGHT_PAIR(softpick)
WEIGHT_PAIR(clipped)
WEIGHT_PAIR(differential)
WEIGHT_PAIR(scalable)
#undef WEIGHT_PAIR

/* A row of softmax in place, with its null key. */
void softmax_row(const Scores *b, float *row, float *null, float *stat);

void differential_mix(const Ctx *c, float *mix);
void differential_mix_backward(const Ctx *c, const float *dmix, int n);
double differential_head_gain(int layer);

#endif
