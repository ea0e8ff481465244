#include "model/ops/ops.h"

#include <string.h>

void value_residual_forward(int layer, float *v, int64_t ld, float *first, int64_t N, int width, float mix) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++) {
        float *row = v + n * ld, *kept = first + n * width;
        if (!layer) memcpy(kept, row, (size_t)width * sizeof *kept);
        for (int i = 0; layer && i < width; i++) row[i] = (1 - mix) * row[i] + mix * kept[i];
    }
}

/* forward: v' = (1 - mix) v + mix v1   so   dv = (1 - mix) dv', dv1 += mix dv' */
void value_residual_backward(int layer, int last, float *dv, int64_t ld, float *dfirst, int64_t N, int width,
                             float mix) {
    if (layer == last) memset(dfirst, 0, (size_t)(N * width) * sizeof *dfirst);
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++) {
        float *row = dv + n * ld, *kept = dfirst + n * width;
        for (int i = 0; i < width; i++) {
            if (layer) kept[i] += mix * row[i];
            row[i] = layer ? (1 - mix) * row[i] : row[i] + kept[i];
        }
    }
}
