#include "model/ops/mlp.h"

#include "model/slots.h"
#include "model/vec.h"

/* Both pairs walk each token's hidden units a vector at a time; the last may be shorter. */
static int lanes_at(int i, int f) {
    return f - i < VW ? f - i : VW;
}

void swiglu_forward(const float *hid, float *s, int64_t N, int f) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++) {
        const float *gate = hid + n * 2 * f, *up = gate + f;
        for (int i = 0; i < f; i += VW) {
            int lanes = lanes_at(i, f);
            vf g = vf_load_part(gate + i, lanes), u = vf_load_part(up + i, lanes);
            vf_store_part(s + n * f + i, g * vf_sigmoid(g) * u, lanes);
        }
    }
}

/* forward: s = g sigma(g) u
 * so       du = ds g sigma, dg = ds u (sigma + g sigma (1 - sigma)) */
void swiglu_backward(float *hid, const float *ds, float *s, int64_t N, int f) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++) {
        float *gate = hid + n * 2 * f, *up = gate + f;
        for (int i = 0; i < f; i += VW) {
            int lanes = lanes_at(i, f);
            vf g = vf_load_part(gate + i, lanes), u = vf_load_part(up + i, lanes);
            vf d = vf_load_part(ds + n * f + i, lanes), sigma = vf_sigmoid(g), silu = g * sigma;
            vf_store_part(s + n * f + i, silu * u, lanes);
            vf_store_part(up + i, d * silu, lanes);
            vf_store_part(gate + i, d * u * (sigma + silu * (1.0f - sigma)), lanes);
        }
    }
}

/* gelu(x) = x sigma(2 z), z = sqrt(2/pi) (x + 0.044715 x^3): the tanh form, since
 * (1 + tanh z) / 2 = sigma(2 z). */
static vf gelu_gate(vf x) {
    return vf_sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
}

void gelu_forward(const float *hid, float *s, int64_t N, int f) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++)
        for (int i = 0; i < f; i += VW) {
            int lanes = lanes_at(i, f);
            vf x = vf_load_part(hid + n * f + i, lanes);
            vf_store_part(s + n * f + i, x * gelu_gate(x), lanes);
        }
}

/* forward: s = x sigma(2 z)
 * so       dx = ds (sigma + x sigma (1 - sigma) 2 z'), 2 z' = 1.59577 (1 + 0.134145 x^2) */
void gelu_backward(float *hid, const float *ds, float *s, int64_t N, int f) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++)
        for (int i = 0; i < f; i += VW) {
            int lanes = lanes_at(i, f);
            vf x = vf_load_part(hid + n * f + i, lanes), d = vf_load_part(ds + n * f + i, lanes);
            vf sigma = gelu_gate(x), slope = 1.5957691216f * (1.0f + 0.134145f * x * x);
            vf_store_part(s + n * f + i, x * sigma, lanes);
            vf_store_part(hid + n * f + i, d * (sigma + x * sigma * (1.0f - sigma) * slope), lanes);
        }
}

static void swiglu_pair_forward(const Ctx *c, const float *hid, float *s) {
    swiglu_forward(hid, s, c->N, c->f);
}
static void swiglu_pair_backward(const Ctx *c, float *hid, const float *ds, float *s) {
    swiglu_backward(hid, ds, s, c->N, c->f);
}
static void gelu_pair_forward(const Ctx *c, const float *hid, float *s) {
    gelu_forward(hid, s, c->N, c->f);
}
static void gelu_pair_backward(const Ctx *c, float *hid, const float *ds, float *s) {
    gelu_backward(hid, ds, s, c->N, c->f);
}

const MlpSlot mlp_slots[] = {
    {.head = {"swiglu",
              "W_down (silu(W_gate x) * W_up x) (arXiv 2002.05202)",
              {{"gate_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},
               {"up_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},
               {"down_proj.weight", SIZE_D, SIZE_F, INIT_RESIDUAL}}},
     .parts = 2,
     .forward = swiglu_pair_forward,
     .backward = swiglu_pair_backward},
    {.head = {"gelu",
              "W_down gelu(W_up x), tanh form (arXiv 1606.08415)",
              {{"up_proj.weight", SIZE_F, SIZE_D, INIT_NORMAL},
               {"down_proj.weight", SIZE_D, SIZE_F, INIT_RESIDUAL}}},
     .parts = 1,
     .forward = gelu_pair_forward,
     .backward = gelu_pair_backward},
    {.head = {NULL}},
};
