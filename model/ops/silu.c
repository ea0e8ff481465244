#include "model/ops/activation.h"

/* y = x sigma(x)   so   y' = sigma + y (1 - sigma) */
static inline Act silu(vf x) {
    vf sigma = vf_sigmoid(x), y = x * sigma;
    return (Act){y, sigma + y * (1.0f - sigma)};
}

GATED_BY(silu, swiglu)
