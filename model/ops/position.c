#include "model/ops/ops.h"

#include <math.h>

void rope_table(float *rotation, int T, int dh) {
    int half = dh / 2;
    for (int t = 0; t < T; t++)
        for (int i = 0; i < half; i++) {
            double angle = t * pow(10000.0, -2.0 * i / dh);
            rotation[(int64_t)t * 2 * half + i] = (float)cos(angle);
            rotation[((int64_t)t * 2 + 1) * half + i] = (float)sin(angle);
        }
}

static void turn_head(float *restrict a, float *restrict b, const float *restrict cosine,
                      const float *restrict sine, float sign, int half) {
    for (int i = 0; i < half; i++) {
        float c = cosine[i], s = sign * sine[i], u = a[i], v = b[i];
        a[i] = u * c - v * s;
        b[i] = v * c + u * s;
    }
}

void rope_turn(float *x, int64_t ld, int B, int T, int vectors, int dh, const float *rotation, float sign) {
    int half = dh / 2;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < (int64_t)B * T; n++) {
        const float *cosine = rotation + n % T * 2 * half;
        for (int h = 0; h < vectors; h++) {
            float *a = x + n * ld + (int64_t)h * dh;
            turn_head(a, a + half, cosine, cosine + half, sign, half);
        }
    }
}

void learned_forward(float *x, const float *P, int B, int T, int d) {
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < (int64_t)B * T; n++)
        for (int i = 0; i < d; i++) x[n * d + i] += P[n % T * d + i];
}

void learned_backward(const float *dx, float *dP, int B, int T, int d) {
#pragma omp parallel for schedule(static)
    for (int t = 0; t < T; t++)
        for (int b = 0; b < B; b++)
            for (int i = 0; i < d; i++) dP[(int64_t)t * d + i] += dx[((int64_t)b * T + t) * d + i];
}

void sinusoid_table(float *P, int T, int d, double amplitude) {
    for (int t = 0; t < T; t++)
        for (int i = 0; i < d; i++) {
            double angle = t * pow(10000.0, -2.0 * (i / 2) / d);
            P[(int64_t)t * d + i] = (float)(amplitude * (i % 2 ? cos(angle) : sin(angle)));
        }
}

static int64_t rope_table_width(const ModelConfig *c) {
    return c->width / c->heads / slot_maps(&attention_slots[c->attention]);
}
static void rope_slot_table(const ModelConfig *c, int T, float *rotation) {
    rope_table(rotation, T, (int)rope_table_width(c));
}
/* Vectors of q and k in a token's row. */
static int turned(const Ctx *c) {
    return (c->H + c->KV) * (c->dh / c->dk);
}
static void rope_forward(const Ctx *c, float *qkv, int64_t ld) {
    rope_turn(qkv, ld, c->B, c->T, turned(c), c->dk, c->rotation, 1);
}
static void rope_backward(const Ctx *c, float *dqkv, int64_t ld) {
    rope_turn(dqkv, ld, c->B, c->T, turned(c), c->dk, c->rotation, -1);
}
static void learned_pair_forward(const Ctx *c, float *x) {
    learned_forward(x, c->w[0], c->B, c->T, c->d);
}
static void learned_pair_backward(const Ctx *c, const float *dx) {
    learned_backward(dx, c->dw[0], c->B, c->T, c->d);
}
static int64_t sinusoid_table_width(const ModelConfig *c) {
    return c->width;
}
/* The paper's embeddings have deviation 1; here the places shrink with them. */
static void sinusoid_slot_table(const ModelConfig *c, int T, float *P) {
    sinusoid_table(P, T, (int)c->width, c->embedding_std);
}
static void sinusoid_forward(const Ctx *c, float *x) {
    learned_forward(x, c->rotation, c->B, c->T, c->d);
}

static float alibi_slope(const ModelConfig *c, int h) {
    return exp2f(-8.0f * (float)(h + 1) / (float)c->heads);
}

const PositionSlot position_slots[] = {
    {.head = {"rope", "rotation of q and k on halves, base 10,000 (arXiv 2104.09864)", {{0}}},
     .table_width = rope_table_width,
     .table = rope_slot_table,
     .rotate_forward = rope_forward,
     .rotate_backward = rope_backward},
    {.head = {"learned",
              "a learned vector a position, added to the embedding (arXiv 1705.03122)",
              {{"embed_positions.weight", SIZE_T, SIZE_D, INIT_EMBEDDING}}},
     .embed_forward = learned_pair_forward,
     .embed_backward = learned_pair_backward},
    {.head = {"sinusoidal",
              "embedding_std times fixed sines and cosines, added to the embedding (arXiv 1706.03762)",
              {{0}}},
     .table_width = sinusoid_table_width,
     .table = sinusoid_slot_table,
     .embed_forward = sinusoid_forward},
    {.head = {"alibi", "scores fall by 2^(-8 (h+1) / H) a place of distance (arXiv 2108.12409)", {{0}}},
     .slope = alibi_slope},
    {.head = {"none", "no positions: the causal mask alone (NoPE, arXiv 2305.19466)", {{0}}}},
    {.head = {NULL}},
};
