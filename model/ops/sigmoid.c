/* Owns: sigmoid attention: A_k = sigma(s_k + bias), each key for itself, with bias 0 (arXiv 2410.10781) or
 * -ln T, T the training context, so that a row's sum begins near one half (arXiv 2409.04431); and the
 * same divided by its row's sum, A_k = sigma(s_k) / (sum_j sigma(s_j) + 1e-8). */
#include "model/ops/weight_functions.h"

#include "model/kernels/vec.h"

#include <math.h>

#define SUM_EPS 1e-8f /* of the official code */

static void forward(const Scores *b, float bias) {
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k += VW) {
            float *S = b->S + i * b->ld + k;
            vf_store(S, vf_sigmoid(vf_load(S) + bias));
        }
}

/* forward: A = sigma(S)   so   dS = A (1 - A) dA */
static void backward(const Scores *b, float bias) {
    forward(b, bias);
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k += VW) {
            float *dS = b->dS + i * b->ld + k;
            vf A = vf_load(b->S + i * b->ld + k);
            vf_store(dS, A * (1.0f - A) * vf_load(dS));
        }
}

static float minus_log_context(const Scores *b) {
    return -logf((float)b->config->context);
}

void sigmoid_weights(const Scores *b) {
    forward(b, 0);
}
void sigmoid_weights_backward(const Scores *b) {
    backward(b, 0);
}
void sigmoid_bias_weights(const Scores *b) {
    forward(b, minus_log_context(b));
}
void sigmoid_bias_weights_backward(const Scores *b) {
    backward(b, minus_log_context(b));
}

/* stat: the sum. */
void sigmoid_norm_weights(const Scores *b) {
    forward(b, 0);
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld;
        vf sum = {0};
        for (int k = b->k0; k < b->k1; k += VW) sum += vf_load(S + k);
        b->stat[i] = vf_sum(sum) + SUM_EPS;
        float inverse = 1.0f / b->stat[i];
        for (int k = b->k0; k < b->k1; k += VW) vf_store(S + k, vf_load(S + k) * inverse);
    }
}

/* forward: A = P / (sum P + eps), P = sigma(S)   so   dS = A (1 - P) (dA - sum A dA) */
void sigmoid_norm_weights_backward(const Scores *b) {
    forward(b, 0);
    for (int i = 0; i < b->nq; i++) {
        float *S = b->S + i * b->ld, *dS = b->dS + i * b->ld, inverse = 1.0f / b->stat[i];
        for (int k = b->k0; k < b->k1; k += VW) {
            vf P = vf_load(S + k), A = P * inverse;
            vf_store(S + k, A);
            vf_store(dS + k, A * (1.0f - P) * (vf_load(dS + k) - b->dot[i]));
        }
    }
}
