#include "model/ops/strips.h"

#include <string.h>

/* grad[i] += partial[s][i] over strips in order. */
static void add_strips(const float *partial, int strips, int width, float *grad) {
#pragma omp parallel for schedule(static)
    for (int block = 0; block < width; block += STRIP) {
        int end = block + STRIP < width ? block + STRIP : width;
        for (int s = 0; s < strips; s++)
            for (int i = block; i < end; i++) grad[i] += partial[(int64_t)s * width + i];
    }
}

void strips_sum(AddToken *add, const void *op, int B, int T, int width, float *partial, float *grad) {
    int strips = strips_count(B, T);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < strips; s++) {
        int64_t n0, n1;
        strip_range(s, T, &n0, &n1);
        float *sum = partial + (int64_t)s * width;
        memset(sum, 0, (size_t)width * sizeof *sum);
        for (int64_t n = n0; n < n1; n++) add(op, n, sum);
    }
    add_strips(partial, strips, width, grad);
}
