/* AdamW (arXiv 1711.05101, algorithm 2), one threaded pass over weight, gradient and state:
 * g' = scale g; m = b1 m + (1 - b1) g'; v = b2 v + (1 - b2) g'^2
 * w = w - lr decay w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps) */
#include "train/optim/optim.h"

#include <math.h>

void adamw_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                  float *const state[OPTIM_STATES]) {
    const OptimConfig *c = s->c;
    float *m = state[0], *v = state[1];
    float scale = (float)s->scale, b1 = (float)c->beta1, b2 = (float)c->beta2, eps = (float)c->eps;
    float keep = optim_keep(s);
    float rate = (float)(s->lr / (1 - pow(c->beta1, (double)s->step)));
    float second = (float)(1 / (1 - pow(c->beta2, (double)s->step)));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < t->rows * t->cols; i++) {
        float gi = scale * g[i];
        float mi = b1 * m[i] + (1 - b1) * gi, vi = b2 * v[i] + (1 - b2) * gi * gi;
        m[i] = mi;
        v[i] = vi;
        w[i] = keep * w[i] - rate * mi / (sqrtf(second * vi) + eps);
    }
}
