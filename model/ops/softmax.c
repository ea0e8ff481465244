/* Owns: causal softmax attention's weight function: A = exp(S - lse) over the keys seen. */
#include "model/slots.h"
#include "model/vec.h"

#include <math.h>

/* All ones in the lanes of keys k .. k+VW-1 that the query sees. */
static inline vi seen(int k, int lo, int hi) {
    vi key = vi_lanes() + k;
    return (key >= lo) & (key <= hi);
}

static void weights(const Scores *b, float *S, float *stat) {
    for (int i = 0; i < b->nq; i++) {
        float *row = S + i * b->ld;
        int lo = b->lo[i], hi = b->q0 + i;
        vf top = vf_all(-INFINITY), sum = {0};
        for (int k = b->k0; k < b->k1; k += VW)
            top = vf_max(top, vf_pick(seen(k, lo, hi), vf_load(row + k), vf_all(-INFINITY)));
        float max = vf_highest(top);
        for (int k = b->k0; k < b->k1; k += VW) {
            vf e = (vf)((vi)vf_exp(vf_load(row + k) - max) & seen(k, lo, hi));
            vf_store(row + k, e);
            sum += e;
        }
        float total = vf_sum(sum), inverse = 1.0f / total;
        for (int k = b->k0; k < b->k1; k += VW) vf_store(row + k, vf_load(row + k) * inverse);
        stat[i] = max + logf(total);
    }
}

static void again(const Scores *b, float *S, const float *stat) {
    for (int i = 0; i < b->nq; i++) {
        float *row = S + i * b->ld;
        int lo = b->lo[i], hi = b->q0 + i;
        for (int k = b->k0; k < b->k1; k += VW)
            vf_store(row + k, (vf)((vi)vf_exp(vf_load(row + k) - stat[i]) & seen(k, lo, hi)));
    }
}

/* forward: A = softmax(S)   so   dS = A (dA - sum A dA) */
static void backward(const Scores *b, const float *A, float *dA, const float *dot) {
    for (int i = 0; i < b->nq; i++)
        for (int k = b->k0; k < b->k1; k += VW) {
            int64_t at = i * b->ld + k;
            vf_store(dA + at, vf_load(A + at) * (vf_load(dA + at) - dot[i]));
        }
}

const AttentionSlot attention_slots[] = {
    {.head = {"softmax", "softmax over the keys seen", {{0}}},
     .weights = weights,
     .again = again,
     .backward = backward},
    {.head = {NULL}},
};
