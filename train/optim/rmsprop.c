/* RMSProp (Hinton 2012, lecture 6e): Adam without its momentum:
 * g' = scale g; v = b2 v + (1 - b2) g'^2; w = w - lr decay w - lr g' / (sqrt(v / (1 - b2^t)) + eps)
 * The mean square is corrected for its start at zero, as Adam's is: at b2 = 0.95 the first steps would
 * otherwise be over four times as long as the later ones. */
#include "train/optim/optim.h"

#include <math.h>

void rmsprop_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                    float *const state[OPTIM_STATES]) {
    const OptimConfig *c = s->c;
    float *v = state[0], scale = (float)s->scale, b2 = (float)c->beta2, eps = (float)c->eps;
    float keep = optim_keep(s), rate = (float)s->lr;
    float second = (float)(1 / (1 - pow(c->beta2, (double)s->step)));
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < t->rows * t->cols; i++) {
        float gi = scale * g[i], vi = b2 * v[i] + (1 - b2) * gi * gi;
        v[i] = vi;
        w[i] = keep * w[i] - rate * gi / (sqrtf(second * vi) + eps);
    }
}
