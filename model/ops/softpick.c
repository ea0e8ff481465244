/* Owns: softpick attention (arXiv 2504.20966), a rectified softmax whose rows may sum to less than one:
 * A_k = max(u_k, 0) / (sum_j |u_j| + eps), u = e^s - 1. Computed with e^{-m} in every term, m = max(0, max
 * s), so that nothing overflows; eps is 1e-8 at that scale, as in the official code. stat: m + ln of the
 * scaled sum, so that e^{s - stat} and e^{-stat} are the terms over the sum. */
#include "model/ops/weight_functions.h"

#include "model/kernels/vec.h"

#include <math.h>

#define SUM_EPS 1e-8f

/* u of every key, scaled by e^{-m}; 0 for keys not seen. */
static vf scaled(vf s, float m, vf one) {
    return vf_pick(s == -INFINITY, vf_all(0), vf_exp(s - m) - one);
}

void softpick_weights(const Scores *b) {
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld;
        vf top = {0}, sum = {0};
        for (int k = b->k0; k < b->k1; k += VW) top = vf_max(top, vf_load(S + k));
        float m = vf_highest(top);
        vf one = vf_exp(vf_all(-m));
        for (int k = b->k0; k < b->k1; k += VW) {
            vf u = scaled(vf_load(S + k), m, one);
            vf_store(S + k, vf_max(vf_all(0), u));
            sum += vf_max(u, -u);
        }
        float total = vf_sum(sum) + SUM_EPS, inverse = 1.0f / total;
        for (int k = b->k0; k < b->k1; k += VW) vf_store(S + k, vf_load(S + k) * inverse);
        b->stat[i] = m + logf(total);
    }
}

/* forward: A = max(u, 0) / Z, Z = sum |u| + eps, u = e^S - 1
 * so       dS = e^S / Z ([u > 0] dA - sign(u) sum A dA) */
void softpick_weights_backward(const Scores *b) {
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld, *dS = b->dS + i * b->ld;
        vf one = vf_exp(vf_all(-b->stat[i])), dot = vf_all(b->dot[i]);
        for (int k = b->k0; k < b->k1; k += VW) {
            vf s = vf_load(S + k), e = vf_exp(s - b->stat[i]);
            vf_store(S + k, vf_max(vf_all(0), e - one) * vf_pick(s > 0.0f, vf_all(1), vf_all(0)));
            vf_store(dS + k, e * vf_pick(s > 0.0f, vf_load(dS + k) - dot, dot));
        }
    }
}
