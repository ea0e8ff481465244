/* Owns: what the feed-forward kinds share: the loop over the hidden units of a token, gated or not, around an
 * activation y = act(x) with its slope, and one line that makes both functions of a kind.
 * Does not own: any activation (a file each), the table (model/ops/mlp.h). */
#ifndef SINKLAB_ACTIVATION_H
#define SINKLAB_ACTIVATION_H

#include "model/kernels/vec.h"
#include "model/ops/mlp.h"

typedef struct Act {
    vf y, slope;
} Act;

typedef Act (*Activation)(vf x);

static inline void gated_row(const float *gate, float *s, int f, Activation act) {
    const float *up = gate + f;
    for (int i = 0; i < f; i += VW) {
        int lanes = f - i; /* of the last vector fewer than VW */
        vf_store_part(s + i, act(vf_load_part(gate + i, lanes)).y * vf_load_part(up + i, lanes), lanes);
    }
}

/* forward: s = act(g) u   so   du = ds act(g), dg = ds u act'(g) */
static inline void gated_row_backward(float *gate, const float *ds, float *s, int f, Activation act) {
    float *up = gate + f;
    for (int i = 0; i < f; i += VW) {
        int lanes = f - i;
        vf u = vf_load_part(up + i, lanes), d = vf_load_part(ds + i, lanes);
        Act a = act(vf_load_part(gate + i, lanes));
        vf_store_part(s + i, a.y * u, lanes);
        vf_store_part(up + i, d * a.y, lanes);
        vf_store_part(gate + i, d * u * a.slope, lanes);
    }
}

static inline void plain_row(const float *hid, float *s, int f, Activation act) {
    for (int i = 0; i < f; i += VW) {
        int lanes = f - i;
        vf_store_part(s + i, act(vf_load_part(hid + i, lanes)).y, lanes);
    }
}

static inline void plain_row_backward(float *hid, const float *ds, float *s, int f, Activation act) {
    for (int i = 0; i < f; i += VW) {
        int lanes = f - i;
        Act a = act(vf_load_part(hid + i, lanes));
        vf_store_part(s + i, a.y, lanes);
        vf_store_part(hid + i, vf_load_part(ds + i, lanes) * a.slope, lanes);
    }
}

/* name_forward and name_backward, in which the compiler then knows the activation. */
#define FEED_FORWARD(name, row, parts, act)                                                                  \
    void name##_forward(const Ctx *c, const float *hid, float *s) {                                          \
        int f = c->f;                                                                                        \
        _Pragma("omp parallel for schedule(static)") for (int64_t n = 0; n < c->N; n++)                      \
            row(hid + n * parts * f, s + n * f, f, act);                                                     \
    }                                                                                                        \
    void name##_backward(const Ctx *c, float *hid, const float *ds, float *s) {                              \
        int f = c->f;                                                                                        \
        _Pragma("omp parallel for schedule(static)") for (int64_t n = 0; n < c->N; n++)                      \
            row##_backward(hid + n * parts * f, ds + n * f, s + n * f, f, act);                              \
    }
#define GATED_BY(act, name) FEED_FORWARD(name, gated_row, 2, act)
#define PLAIN_BY(act, name) FEED_FORWARD(name, plain_row, 1, act)

#endif
