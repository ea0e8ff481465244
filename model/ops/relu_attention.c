/* Owns: ReLU attention (arXiv 2410.13835): A_k = max(s_k, 0) / n, n the number of keys the query sees (its
 * position counted from 1 where nothing is masked). */
#include "model/ops/weight_functions.h"

#include "model/kernels/vec.h"

void relu_weights(const Scores *b) {
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld, inverse = 1.0f / (float)b->seen[i];
        for (int k = b->k0; k < b->k1; k += VW) vf_store(S + k, vf_max(vf_all(0), vf_load(S + k)) * inverse);
    }
}

/* forward: A = max(S, 0) / n   so   dS = [S > 0] dA / n */
void relu_weights_backward(const Scores *b) {
    relu_weights(b);
    for (int i = 0; i < b->nq; i++) {
        float *dS = b->dS + i * b->ld, inverse = 1.0f / (float)b->seen[i];
        for (int k = b->k0; k < b->k1; k += VW) {
            vf A = vf_load(b->S + i * b->ld + k);
            vf_store(dS + k, vf_pick(A > 0.0f, vf_load(dS + k) * inverse, vf_all(0)));
        }
    }
}
