#include "model/ops/ops.h"

#include "model/kernels/vec.h"

void gate_open(float *g, int64_t n) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i += VW) {
        int lanes = n - i < VW ? (int)(n - i) : VW;
        vf_store_part(g + i, vf_sigmoid(vf_load_part(g + i, lanes)), lanes);
    }
}

void gate_forward(const float *o, const float *g, float *y, int64_t N, int H, int dh, int gates) {
    int span = dh / gates;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < N * H * gates; i++)
        for (int64_t k = i * span; k < (i + 1) * span; k++) y[k] = o[k] * g[i];
}

/* forward: y = o g, g = sigma(a)   so   do = g dy, da = g (1 - g) sum dy o */
void gate_backward(const float *o, float *g, float *dy, int64_t N, int H, int dh, int gates) {
    int span = dh / gates;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < N * H * gates; i++) {
        float sum = 0;
        for (int64_t k = i * span; k < (i + 1) * span; k++) {
            sum += dy[k] * o[k];
            dy[k] *= g[i];
        }
        g[i] *= (1 - g[i]) * sum;
    }
}
