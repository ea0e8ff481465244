#include "model/ops/bias.h"

#include "model/ops/strips.h"

#include <string.h>

void bias_forward(float *y, const float *b, int64_t N, int64_t width) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < width; i++) y[n * width + i] += b[i];
}

void bias_backward(const float *dy, float *db, float *partial, int B, int T, int64_t width) {
    int strips = strips_count(B, T);
#pragma omp parallel for schedule(static)
    for (int s = 0; s < strips; s++) {
        int64_t n0, n1;
        strip_range(s, T, &n0, &n1);
        float *sum = partial + s * width;
        memset(sum, 0, (size_t)width * sizeof *sum);
        for (int64_t n = n0; n < n1; n++)
            for (int64_t i = 0; i < width; i++) sum[i] += dy[n * width + i];
    }
    strips_add(partial, strips, (int)width, db);
}
