#include "model/ops/activation.h"

/* The tanh form: y = x (1 + tanh z) / 2 = x sigma(2 z), z = sqrt(2/pi) (x + 0.044715 x^3)
 * so y' = sigma + x sigma (1 - sigma) 2 z', 2 z' = 1.59577 (1 + 0.134145 x^2). */
static inline Act gelu(vf x) {
    vf sigma = vf_sigmoid(1.5957691216f * (x + 0.044715f * x * x * x));
    vf steep = 1.5957691216f * (1.0f + 0.134145f * x * x);
    return (Act){x * sigma, sigma + x * sigma * (1.0f - sigma) * steep};
}

GATED_BY(gelu, geglu)
PLAIN_BY(gelu, gelu)
