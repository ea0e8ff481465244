/* Gradient descent with momentum, as PyTorch's SGD, its weight decay decoupled:
 * g' = scale g; m = b1 m + g'; w = w - lr decay w - lr m */
#include "train/optim/optim.h"

void sgd_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                float *const state[OPTIM_STATES]) {
    float *m = state[0], scale = (float)s->scale, b1 = (float)s->c->beta1, rate = (float)s->lr;
    float keep = optim_keep(s);
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < t->rows * t->cols; i++) {
        m[i] = b1 * m[i] + scale * g[i];
        w[i] = keep * w[i] - rate * m[i];
    }
}
