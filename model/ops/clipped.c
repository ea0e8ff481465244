/* Owns: clipped softmax attention (arXiv 2306.12929): A_k = clip((zeta - gamma) P_k + gamma, 0, 1), P the
 * softmax over the keys seen, gamma <= 0 <= 1 <= zeta (model.clip_gamma, model.clip_zeta): a head can
 * give exactly zero to a key without an infinite score. stat: log-sum-exp. */
#include "model/ops/weight_functions.h"

#include "model/kernels/vec.h"

static vf stretched(const Scores *b, vf P) {
    return P * (float)(b->config->clip_zeta - b->config->clip_gamma) + (float)b->config->clip_gamma;
}

static vf clip(vf x) {
    return vf_pick(x > 1.0f, vf_all(1), vf_max(vf_all(0), x));
}

void clipped_weights(const Scores *b) {
    softmax_weights(b);
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k += VW) {
            float *S = b->S + i * b->ld + k;
            vf_store(S, clip(stretched(b, vf_load(S))));
        }
}

/* forward: A = clip(c P + gamma), c = zeta - gamma, P = softmax(S)
 * so       dP = c dA where A was not clipped, else 0;  dS = P (dP - sum P dP) */
void clipped_weights_backward(const Scores *b) {
    float c = (float)(b->config->clip_zeta - b->config->clip_gamma);
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld, *dS = b->dS + i * b->ld;
        vf sum = {0};
        for (int k = b->k0; k < b->k1; k += VW) {
            vf P = vf_exp(vf_load(S + k) - b->stat[i]), x = stretched(b, P);
            vf dP = vf_pick((x > 0.0f) & (x < 1.0f), c * vf_load(dS + k), vf_all(0));
            vf_store(S + k, P);
            vf_store(dS + k, dP);
            sum += P * dP;
        }
        float dot = vf_sum(sum);
        for (int k = b->k0; k < b->k1; k += VW) {
            vf P = vf_load(S + k);
            vf_store(S + k, clip(stretched(b, P)));
            vf_store(dS + k, P * (vf_load(dS + k) - dot));
        }
    }
}
