#include "train/optim/sgd.h"

void sgd_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                float *const state[OPTIM_STATES]) {
    float *m = state[0], scale = (float)s->scale, b1 = (float)s->c->beta1, rate = (float)s->lr;
    float keep = (float)(1 - (s->decay ? s->lr * s->c->weight_decay : 0));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < t->rows * t->cols; i++) {
        m[i] = b1 * m[i] + scale * g[i];
        w[i] = keep * w[i] - rate * m[i];
    }
}
