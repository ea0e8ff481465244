#include "train/optim/rmsprop.h"

#include <math.h>

void rmsprop_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                    float *const state[OPTIM_STATES]) {
    const OptimConfig *c = s->c;
    float *v = state[0], scale = (float)s->scale, b2 = (float)c->beta2, eps = (float)c->eps;
    float keep = (float)(1 - (s->decay ? s->lr * c->weight_decay : 0)), rate = (float)s->lr;
    float second = (float)(1 / (1 - pow(c->beta2, (double)s->step)));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < t->rows * t->cols; i++) {
        float gi = scale * g[i], vi = b2 * v[i] + (1 - b2) * gi * gi;
        v[i] = vi;
        w[i] = keep * w[i] - rate * gi / (sqrtf(second * vi) + eps);
    }
}
