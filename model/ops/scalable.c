/* Owns: scalable softmax (arXiv 2501.19399): A = softmax(s ln(n) z), z the scores of a query on the n keys
 * that it sees, s a learned number a head. stat: log-sum-exp of s ln(n) z. A query that sees one key gives it
 * all, whatever s is. */
#include "model/ops/weight_functions.h"

#include "model/kernels/vec.h"

#include <math.h>

/* A key that is not seen stays at -INFINITY: with one key ln(n) is 0, and -INFINITY times 0 is NaN. */
static vf scaled(vf z, float by) {
    return vf_pick(z == -INFINITY, z, by * z);
}

void scalable_weights(const Scores *b) {
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld, by = b->mix * logf((float)b->seen[i]);
        for (int k = b->k0; k < b->k1; k += VW) vf_store(S + k, scaled(vf_load(S + k), by));
    }
    softmax_weights(b);
}

/* forward: y = s ln(n) z, A = softmax(y)
 * so       dy = A (dA - sum A dA), dz = s ln(n) dy, ds = ln(n) sum z dy over the keys seen */
void scalable_weights_backward(const Scores *b) {
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld, *dS = b->dS + i * b->ld;
        float log_n = logf((float)b->seen[i]), by = b->mix * log_n;
        vf sum = {0};
        for (int k = b->k0; k < b->k1; k += VW) {
            vf z = vf_load(S + k), A = vf_exp(scaled(z, by) - b->stat[i]);
            vf dy = A * (vf_load(dS + k) - b->dot[i]);
            vf_store(S + k, A);
            vf_store(dS + k, by * dy);
            sum += vf_pick(z == -INFINITY, vf_all(0), z) * dy;
        }
        *b->dmix += log_n * vf_sum(sum);
    }
}
