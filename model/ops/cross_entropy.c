#include "model/ops/ops.h"

#include "model/kernels/vec.h"

#include <math.h>
#include <string.h>

static float highest(const float *x, int V) {
    vf top = vf_all(-INFINITY);
    int i = 0;
    for (; i + VW <= V; i += VW) top = vf_max(top, vf_load(x + i));
    float max = vf_highest(top);
    for (; i < V; i++) max = x[i] > max ? x[i] : max;
    return max;
}

/* Replaces x by exp(x - max) and returns the sum; lanes of a partial last vector are cleared. */
static float exponentials(float *x, int V, float max) {
    vf sum = {0};
    for (int i = 0; i < V; i += VW) {
        int lanes = V - i;
        vf e = vf_exp(vf_load_part(x + i, lanes) - max);
        if (lanes < VW) e = (vf)((vi)e & (vi_lanes() < lanes));
        vf_store_part(x + i, e, lanes);
        sum += e;
    }
    return vf_sum(sum);
}

/* forward: loss = lse - x_y   so   dx = softmax(x) - [y] */
static float one_row(float *x, int32_t y, int V, float scale) {
    if (y < 0) {
        memset(x, 0, (size_t)V * sizeof *x);
        return 0;
    }
    float max = highest(x, V), target = x[y];
    float sum = exponentials(x, V, max), factor = scale / sum;
    for (int i = 0; i < V; i++) x[i] *= factor;
    x[y] -= scale;
    return max + logf(sum) - target;
}

void cross_entropy(float *logits, int64_t ld, const int32_t *target, float *loss, int64_t N, int V,
                   float scale) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++) loss[n] = one_row(logits + n * ld, target[n], V, scale);
}
