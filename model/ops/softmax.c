/* Owns: causal softmax attention's weight function, with or without a null key of score s*:
 * A_k = e^{s_k} / (e^{s*} + sum_j e^{s_j}) = exp(s_k - lse), A* = exp(s* - lse); s* = -inf is plain softmax,
 * to the bit; s* = 0 softmax1 (Miller 2023, "Attention is off by one", evanmiller.org); s* learned the sink
 * logit of gpt-oss (arXiv 2508.10925). S, A (nq, keys); stat (nq): lse, with the null key in it. */
#include "model/ops/weight_functions.h"

#include "model/kernels/vec.h"

#include <math.h>

static float exponential(float x) {
    return vf_exp(vf_all(x))[0];
}

void softmax_row(const Scores *b, float *row, float *null, float *stat) {
    vf top = vf_all(-INFINITY), sum = {0};
    for (int k = b->k0; k < b->k1; k += VW) top = vf_max(top, vf_load(row + k));
    float max = vf_highest(top);
    max = *null > max ? *null : max;
    for (int k = b->k0; k < b->k1; k += VW) {
        vf e = vf_exp(vf_load(row + k) - max);
        vf_store(row + k, e);
        sum += e;
    }
    float apart = exponential(*null - max), total = vf_sum(sum) + apart, inverse = 1.0f / total;
    for (int k = b->k0; k < b->k1; k += VW) vf_store(row + k, vf_load(row + k) * inverse);
    *null = apart * inverse;
    *stat = max + logf(total);
}

void softmax_weights(const Scores *b) {
    for (int i = 0; i < b->nq; i++) softmax_row(b, b->S + i * b->ld, &b->null[i], &b->stat[i]);
}

/* forward: A = softmax(S)   so   dS = A (dA - sum A dA), the null key in the sum */
void softmax_weights_backward(const Scores *b) {
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld, *dS = b->dS + i * b->ld;
        for (int k = b->k0; k < b->k1; k += VW) {
            vf A = vf_exp(vf_load(S + k) - b->stat[i]);
            vf_store(S + k, A);
            vf_store(dS + k, A * (vf_load(dS + k) - b->dot[i]));
        }
        b->null[i] = exponential(b->null[i] - b->stat[i]);
        b->dnull[i] = b->null[i] * (b->dnull[i] - b->dot[i]);
    }
}
