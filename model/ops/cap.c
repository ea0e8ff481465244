#include "model/kernels/vec.h"
#include "model/ops/ops.h"

void cap_forward(float *x, int64_t ld, int64_t rows, int n, float c, float *slope) {
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < rows; r++)
        for (int i = 0; i < n; i += VW) {
            vf y = vf_tanh(vf_load_part(x + r * ld + i, n - i) / c);
            vf_store_part(x + r * ld + i, c * y, n - i);
            if (slope) vf_store_part(slope + r * ld + i, 1.0f - y * y, n - i);
        }
}

void cap_backward(float *dy, int64_t ld, int64_t rows, int n, const float *slope) {
#pragma omp parallel for simd schedule(static)
    for (int64_t r = 0; r < rows; r++)
        for (int i = 0; i < n; i++) dy[r * ld + i] *= slope[r * ld + i];
}
