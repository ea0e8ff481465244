#include "model/ops/strips.h"

void strips_add(const float *partial, int strips, int width, float *grad) {
#pragma omp parallel for schedule(static)
    for (int block = 0; block < width; block += STRIP) {
        int end = block + STRIP < width ? block + STRIP : width;
        for (int s = 0; s < strips; s++)
            for (int i = block; i < end; i++) grad[i] += partial[(int64_t)s * width + i];
    }
}
