#include "model/ops/activation.h"

/* y = max(x, 0), its slope at 0 is 0 */
static inline Act relu(vf x) {
    vi on = x > 0.0f;
    return (Act){(vf)((vi)x & on), (vf)((vi)vf_all(1) & on)};
}

GATED_BY(relu, reglu)
PLAIN_BY(relu, relu)
