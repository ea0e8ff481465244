/* Owns: ELU + 1 attention without a normaliser (arXiv 2410.10781): A_k = elu(s_k) + 1, that is s_k + 1 above
 * 0 and e^{s_k} below. */
#include "model/ops/weight_functions.h"

#include "model/kernels/vec.h"

void elu1_weights(const Scores *b) {
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k += VW) {
            float *S = b->S + i * b->ld + k;
            vf s = vf_load(S);
            vf_store(S, vf_pick(s > 0.0f, s + 1.0f, vf_exp(s)));
        }
}

/* forward: A = elu(S) + 1   so   dS = min(A, 1) dA */
void elu1_weights_backward(const Scores *b) {
    elu1_weights(b);
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k += VW) {
            float *dS = b->dS + i * b->ld + k;
            vf A = vf_load(b->S + i * b->ld + k);
            vf_store(dS, vf_pick(A > 1.0f, vf_all(1), A) * vf_load(dS));
        }
}
