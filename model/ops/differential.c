/* Owns: differential attention (arXiv 2410.05258, sections 2.1 and 2.2): A = softmax(S1) - lambda
 * softmax(S2), the scores of a head's two maps, whose q and k are the halves of the head's. The heads of a
 * block share lambda = exp(lq1.lk1) - exp(lq2.lk2) + lambda_init,   lambda_init = 0.8 - 0.6 e^{-0.3 (l - 1)}
 * of block l = 1, 2, ...; the learned vectors lie in halves too: lq1 and lq2 in lambda_q (d_head), lk1 and
 * lk2 in lambda_k, drawn from N(0, 0.1^2). The paper's norm of each head is model.head_out: rmsnorm; its
 * factor 1 - lambda_init is where that norm's gain begins. stat, stat2: log-sum-exp of the maps. */
#include "model/ops/weight_functions.h"

#include "model/kernels/vec.h"

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

/* ---- lambda ---- */

static double lambda_init(int layer) {
    return 0.8 - 0.6 * exp(-0.3 * layer); /* l - 1 */
}

double differential_head_gain(int layer) {
    return 1 - lambda_init(layer);
}

static float exp_dot(const float *a, const float *b, int n) {
    float sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return expf(sum);
}

void differential_mix(const Ctx *c, float *mix) {
    const float *q = c->w[0], *k = c->w[1];
    float lambda = exp_dot(q, k, c->dk) - exp_dot(q + c->dk, k + c->dk, c->dk) + (float)lambda_init(c->layer);
    for (int h = 0; h < c->H; h++) mix[h] = lambda;
}

/* forward: lambda = e1 - e2 + lambda_init, e1 = exp(lq1.lk1), e2 = exp(lq2.lk2)
 * so       dlq1 = e1 lk1 dlambda, dlq2 = -e2 lk2 dlambda, and with q and k exchanged */
void differential_mix_backward(const Ctx *c, const float *dmix, int n) {
    for (int map = 0; map < 2; map++) {
        int at = map * c->dk;
        const float *q = c->w[0] + at, *k = c->w[1] + at;
        float e = exp_dot(q, k, c->dk) * (map ? -1.0f : 1.0f);
        for (int r = 0; r < n; r++)
            for (int i = 0; i < c->dk; i++) {
                c->dw[0][at + i] += dmix[r] * (e * k[i]);
                c->dw[1][at + i] += dmix[r] * (e * q[i]);
            }
    }
}
