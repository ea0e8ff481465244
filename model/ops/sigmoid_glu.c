#include "model/ops/activation.h"

/* y = sigma(x)   so   y' = sigma(x) (1 - sigma(x)) */
static inline Act sigmoid_of(vf x) {
    vf y = vf_sigmoid(x);
    return (Act){y, y * (1.0f - y)};
}

GATED_BY(sigmoid_of, sigmoid_glu)
