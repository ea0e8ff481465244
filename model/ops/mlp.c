#include "model/ops/mlp.h"

#include "model/slots.h"
#include "model/vec.h"

/* ---- activations: y = act(x) and its slope ---- */

typedef struct Act {
    vf y, slope;
} Act;

/* y = x sigma(x)   so   y' = sigma + y (1 - sigma) */
static inline Act silu(vf x) {
    vf sigma = vf_sigmoid(x), y = x * sigma;
    return (Act){y, sigma + y * (1.0f - sigma)};
}

/* The tanh form: y = x (1 + tanh z) / 2 = x sigma(2 z), z = sqrt(2/pi) (x + 0.044715 x^3)
 * so y' = sigma + x sigma (1 - sigma) 2 z', 2 z' = 1.59577 (1 + 0.134145 x^2). */
static inline Act gelu(vf x) {
    vf sigma = vf_sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
    vf steep = 1.5957691216f * (1.0f + 0.134145f * x * x);
    return (Act){x * sigma, sigma + x * sigma * (1.0f - sigma) * steep};
}

/* At 0 the slope is 0. */
static inline Act relu(vf x) {
    vi on = x > 0.0f;
    return (Act){(vf)((vi)x & on), (vf)((vi)vf_all(1) & on)};
}

/* ---- rows of hidden units, a vector at a time; the last may be shorter ---- */

typedef Act (*Activation)(vf x);

static int lanes_at(int i, int f) {
    return f - i < VW ? f - i : VW;
}

static inline void gated_row(const float *gate, float *s, int f, Activation act) {
    const float *up = gate + f;
    for (int i = 0; i < f; i += VW) {
        int lanes = lanes_at(i, f);
        vf_store_part(s + i, act(vf_load_part(gate + i, lanes)).y * vf_load_part(up + i, lanes), lanes);
    }
}

/* forward: s = act(g) u   so   du = ds act(g), dg = ds u act'(g) */
static inline void gated_row_backward(float *gate, const float *ds, float *s, int f, Activation act) {
    float *up = gate + f;
    for (int i = 0; i < f; i += VW) {
        int lanes = lanes_at(i, f);
        vf u = vf_load_part(up + i, lanes), d = vf_load_part(ds + i, lanes);
        Act a = act(vf_load_part(gate + i, lanes));
        vf_store_part(s + i, a.y * u, lanes);
        vf_store_part(up + i, d * a.y, lanes);
        vf_store_part(gate + i, d * u * a.slope, lanes);
    }
}

static inline void plain_row(const float *hid, float *s, int f, Activation act) {
    for (int i = 0; i < f; i += VW) {
        int lanes = lanes_at(i, f);
        vf_store_part(s + i, act(vf_load_part(hid + i, lanes)).y, lanes);
    }
}

static inline void plain_row_backward(float *hid, const float *ds, float *s, int f, Activation act) {
    for (int i = 0; i < f; i += VW) {
        int lanes = lanes_at(i, f);
        Act a = act(vf_load_part(hid + i, lanes));
        vf_store_part(s + i, a.y, lanes);
        vf_store_part(hid + i, vf_load_part(ds + i, lanes) * a.slope, lanes);
    }
}

/* ---- the ops and the table: one line an op, whose activation the compiler then knows ---- */

#define OP(name, row, parts, act)                                                                            \
    void name##_forward(const float *hid, float *s, int64_t N, int f) {                                      \
        _Pragma("omp parallel for schedule(static)") for (int64_t n = 0; n < N; n++)                         \
            row(hid + n * parts * f, s + n * f, f, act);                                                     \
    }                                                                                                        \
    void name##_backward(float *hid, const float *ds, float *s, int64_t N, int f) {                          \
        _Pragma("omp parallel for schedule(static)") for (int64_t n = 0; n < N; n++)                         \
            row##_backward(hid + n * parts * f, ds + n * f, s + n * f, f, act);                              \
    }                                                                                                        \
    static void name##_pair_forward(const Ctx *c, const float *hid, float *s) {                              \
        name##_forward(hid, s, c->N, c->f);                                                                  \
    }                                                                                                        \
    static void name##_pair_backward(const Ctx *c, float *hid, const float *ds, float *s) {                  \
        name##_backward(hid, ds, s, c->N, c->f);                                                             \
    }

OP(swiglu, gated_row, 2, silu)
OP(geglu, gated_row, 2, gelu)
OP(reglu, gated_row, 2, relu)
OP(gelu, plain_row, 1, gelu)
OP(relu, plain_row, 1, relu)

#define GATED(name, help_line)                                                                               \
    {                                                                                                        \
        .head = {#name,                                                                                      \
                 help_line,                                                                                  \
                 {{"gate_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},                                         \
                  {"up_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},                                           \
                  {"down_proj.weight", SIZE_D, SIZE_F, INIT_DOWN},                                           \
                  {"gate_proj.bias", SIZE_F, SIZE_NONE, INIT_BIAS},                                          \
                  {"up_proj.bias", SIZE_F, SIZE_NONE, INIT_BIAS},                                            \
                  {"down_proj.bias", SIZE_D, SIZE_NONE, INIT_BIAS}}},                                        \
        .parts = 2, .forward = name##_pair_forward, .backward = name##_pair_backward                         \
    }

#define PLAIN(name, help_line)                                                                               \
    {                                                                                                        \
        .head = {#name,                                                                                      \
                 help_line,                                                                                  \
                 {{"up_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},                                           \
                  {"down_proj.weight", SIZE_D, SIZE_F, INIT_DOWN},                                           \
                  {"up_proj.bias", SIZE_F, SIZE_NONE, INIT_BIAS},                                            \
                  {"down_proj.bias", SIZE_D, SIZE_NONE, INIT_BIAS}}},                                        \
        .parts = 1, .forward = name##_pair_forward, .backward = name##_pair_backward                         \
    }

const MlpSlot mlp_slots[] = {
    GATED(swiglu, "W_down (silu(W_gate x) * W_up x) (arXiv 2002.05202)"),
    GATED(geglu, "W_down (gelu(W_gate x) * W_up x) (arXiv 2002.05202)"),
    GATED(reglu, "W_down (relu(W_gate x) * W_up x) (arXiv 2002.05202)"),
    PLAIN(gelu, "W_down gelu(W_up x), tanh form (arXiv 1606.08415)"),
    PLAIN(relu, "W_down relu(W_up x) (arXiv 1706.03762)"),
    {.head = {NULL}},
};
