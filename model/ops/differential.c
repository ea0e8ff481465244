/* Owns: differential attention (arXiv 2410.05258): A = softmax(S1) - lambda softmax(S2), the scores of a
 * head's two maps, whose q and k are the halves of the head's. lambda is learned, one a head, from
 * lambda_init = 0.8 - 0.6 e^{-0.3 l} of block l = 0, 1, ... (the paper writes lambda - lambda_init as a
 * difference of exponentials shared by the heads of a block). The paper's norm of each head, times 1 -
 * lambda_init, is model.head_out: rmsnorm. stat, stat2: log-sum-exp of the maps. */
#include "model/ops/weights.h"

#include "model/vec.h"

#include <math.h>

void differential_weights(const Scores *b) {
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld, *S2 = b->S2 + i * b->ld, none = -INFINITY;
        softmax_row(b, S2, &none, &b->stat2[i]);
        softmax_row(b, S, &b->null[i], &b->stat[i]);
        for (int k = b->k0; k < b->k1; k += VW) vf_store(S + k, vf_load(S + k) - b->mix * vf_load(S2 + k));
    }
}

/* forward: A = A1 - lambda A2
 * so       dA1 = dA, dA2 = -lambda dA, dlambda = -sum A2 dA, and each map's softmax for itself */
void differential_weights_backward(const Scores *b) {
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld, *S2 = b->S2 + i * b->ld;
        float *dS = b->dS + i * b->ld, *dS2 = b->dS2 + i * b->ld;
        vf sum = {0}, sum2 = {0};
        for (int k = b->k0; k < b->k1; k += VW) {
            vf A = vf_exp(vf_load(S + k) - b->stat[i]), A2 = vf_exp(vf_load(S2 + k) - b->stat2[i]);
            vf_store(S + k, A);
            vf_store(S2 + k, A2);
            sum += A * vf_load(dS + k);
            sum2 += A2 * vf_load(dS + k);
        }
        float dot = vf_sum(sum), dot2 = vf_sum(sum2);
        for (int k = b->k0; k < b->k1; k += VW) {
            vf A = vf_load(S + k), A2 = vf_load(S2 + k), dA = vf_load(dS + k);
            vf_store(S + k, A - b->mix * A2);
            vf_store(dS + k, A * (dA - dot));
            vf_store(dS2 + k, -b->mix * A2 * (dA - dot2));
        }
        *b->dmix -= dot2;
    }
}
