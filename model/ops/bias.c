#include "model/ops/ops.h"
#include "model/ops/strips.h"

void bias_forward(float *y, const float *b, int64_t N, int64_t width) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < N; n++)
        for (int64_t i = 0; i < width; i++) y[n * width + i] += b[i];
}

typedef struct Back {
    const float *dy;
    int64_t width;
} Back;

static void back_token(const void *op, int64_t n, float *db) {
    const Back *b = op;
    const float *dy = b->dy + n * b->width;
    for (int64_t i = 0, width = b->width; i < width; i++) db[i] += dy[i];
}

void bias_backward(const float *dy, float *db, float *partial, int B, int T, int64_t width) {
    strips_sum(back_token, &(Back){dy, width}, B, T, (int)width, partial, db);
}
