#include "model/ops/ops.h"

#include <string.h>

enum { COLUMNS = 16 }; /* a thread's share of dE: one cache line of each row */

void embed_forward(const int32_t *token, const float *E, float *x, int64_t N, int d) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++) memcpy(x + n * d, E + (int64_t)token[n] * d, (size_t)d * sizeof *x);
}

void embed_backward(const int32_t *token, const float *dx, float *dE, int64_t N, int d) {
#pragma omp parallel for schedule(static)
    for (int c = 0; c < d; c += COLUMNS) {
        int end = c + COLUMNS < d ? c + COLUMNS : d;
        for (int64_t n = 0; n < N; n++) {
            float *to = dE + (int64_t)token[n] * d;
            for (int i = c; i < end; i++) to[i] += dx[n * d + i];
        }
    }
}
