#include "model/ops/activation.h"

#include <math.h>

/* y = x Phi(x), Phi(x) = (1 + erf(x / sqrt 2)) / 2   so   y' = Phi + x phi, phi = e^(-x^2/2) / sqrt(2 pi) */
static inline Act gelu_exact(vf x) {
    vf Phi;
    for (int i = 0; i < VW; i++) Phi[i] = 0.5f * erfcf(-0.70710678f * x[i]);
    vf phi = 0.3989422804f * vf_exp(-0.5f * x * x);
    return (Act){x * Phi, Phi + x * phi};
}

PLAIN_BY(gelu_exact, gelu_exact)
