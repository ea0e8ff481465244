#include "model/ops/activation.h"

/* y = max(x, 0)^2   so   y' = 2 max(x, 0) */
static inline Act relu2(vf x) {
    vf y = vf_max(vf_all(0), x);
    return (Act){y * y, 2.0f * y};
}

PLAIN_BY(relu2, relu2)
