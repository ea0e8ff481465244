#include "model/kernels/vec.h"
#include "model/ops/ops.h"

static float sigmoid(float x) {
    return vf_sigmoid(vf_all(x))[0];
}

static float dot(const float *a, const float *b, int n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

/* y += scale x */
static void add_scaled(float *y, float scale, const float *x, int n) {
    for (int i = 0; i < n; i++) y[i] += scale * x[i];
}

/* The gate of a row: z = W_down y (r), gate = 2 sigma(sum_k silu(z_k) W_up[k]) (d). */
static void gate_of(const Ctx *c, const float *y, float *z, float *gate) {
    int width = c->d, rank = (int)c->c->gate_rank;
    const float *down = c->w[0] + width, *up = down + (int64_t)rank * width;
    for (int i = 0; i < width; i++) gate[i] = 0;
    for (int64_t k = 0; k < rank; k++) {
        z[k] = dot(down + k * width, y, width);
        add_scaled(gate, z[k] * sigmoid(z[k]), up + k * width, width);
    }
    for (int i = 0; i < width; i += VW)
        vf_store_part(gate + i, 2.0f * vf_sigmoid(vf_load_part(gate + i, width - i)), width - i);
}

void gated_norm_row(const Ctx *c, const float *x, float *h, float *stat) {
    float gate[c->d], z[c->c->gate_rank];
    rmsnorm_row(c, x, h, stat);
    gate_of(c, h, z, gate);
    for (int i = 0; i < c->d; i++) h[i] *= gate[i];
}

/* forward: h = y gate, gate = 2 sigma(a), a = u W_up, u = silu(z), z = W_down y
 * so       da = dh y gate (1 - gate / 2), du = W_up da, dz = du silu'(z), dy = dh gate + dz W_down,
 *          dW_up = u da, dW_down = dz y, and RMSNorm's way back from dy */
void gated_norm_row_back(const Ctx *c, const float *x, const float *stat, const float *dh, float *dx,
                         float *dg) {
    int width = c->d, rank = (int)c->c->gate_rank;
    const float *down = c->w[0] + width, *up = down + (int64_t)rank * width;
    float *ddown = dg + width, *dup = ddown + (int64_t)rank * width;
    float y[width], gate[width], da[width], dy[width], z[rank], again;
    rmsnorm_row(c, x, y, &again);
    gate_of(c, y, z, gate);
    for (int i = 0; i < width; i++) {
        da[i] = dh[i] * y[i] * gate[i] * (1 - 0.5f * gate[i]);
        dy[i] = dh[i] * gate[i];
    }
    for (int64_t k = 0; k < rank; k++) {
        float s = sigmoid(z[k]), dz = dot(up + k * width, da, width) * s * (1 + z[k] * (1 - s));
        add_scaled(dup + k * width, z[k] * s, da, width);
        add_scaled(ddown + k * width, dz, y, width);
        add_scaled(dy, dz, down + k * width, width);
    }
    rmsnorm_row_back(c, x, stat, dy, dx, dg);
}
