/* Lion (arXiv 2302.06675): every weight moves by lr, in the direction of the momentum's sign:
 * g' = scale g; w = w - lr decay w - lr sign(b1 m + (1 - b1) g'); m = b2 m + (1 - b2) g' */
#include "train/optim/optim.h"

void lion_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                 float *const state[OPTIM_STATES]) {
    const OptimConfig *c = s->c;
    float *m = state[0], scale = (float)s->scale, b1 = (float)c->beta1, b2 = (float)c->beta2;
    float keep = optim_keep(s), rate = (float)s->lr;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < t->rows * t->cols; i++) {
        float gi = scale * g[i], u = b1 * m[i] + (1 - b1) * gi;
        float sign = (float)((u > 0) - (u < 0));
        w[i] = keep * w[i] - rate * sign;
        m[i] = b2 * m[i] + (1 - b2) * gi;
    }
}
