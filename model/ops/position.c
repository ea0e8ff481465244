#include "model/ops/ops.h"

#include <math.h>

static double clamped(double x) {
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

/* The pair, of those of `dims` floats, that turns so often over the original context. */
static double pair_of(const Rope *r, double turns) {
    return r->dims * log((double)r->original / (2 * M_PI * turns)) / (2 * log(r->theta));
}

/* Which share of a pair's rate is kept; the rest is divided by the factor. */
static double kept_share(const Rope *r, int i, double rate) {
    if (r->scaling == SCALING_LINEAR) return 0;
    if (r->scaling == SCALING_LLAMA3) {
        double turns = (double)r->original * rate / (2 * M_PI);
        return clamped((turns - r->low) / (r->high - r->low));
    }
    double first = fmax(floor(pair_of(r, r->high)), 0), last = fmin(ceil(pair_of(r, r->low)), r->dims - 1);
    return 1 - clamped((i - first) / (last > first ? last - first : 0.001));
}

double rope_rate(const Rope *r, int i) {
    double rate = pow(r->theta, -2.0 * i / r->dims);
    if (r->scaling == SCALING_NONE) return rate;
    double kept = kept_share(r, i, rate);
    return rate * kept + rate * (1 - kept) / r->factor;
}

void rope_table(float *rotation, int T, const Rope *r) {
    int half = r->dims / 2;
    double length = r->scaling == SCALING_YARN ? 0.1 * log(r->factor) + 1 : 1;
    for (int t = 0; t < T; t++)
        for (int i = 0; i < half; i++) {
            double angle = t * rope_rate(r, i);
            rotation[(int64_t)t * 2 * half + i] = (float)(length * cos(angle));
            rotation[((int64_t)t * 2 + 1) * half + i] = (float)(length * sin(angle));
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

void rope_turn(float *x, int64_t ld, int B, int T, const int32_t *place, int vectors, int dh, int dims,
               const float *rotation, float sign) {
    int half = dims / 2;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < (int64_t)B * T; n++) {
        const float *cosine = rotation + (place ? place[n] : n % T) * 2 * half;
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
    return c->rope_dims ? c->rope_dims : config_head_dim(c) / slot_maps(&attention_slots[c->attention]);
}
static void rope_slot_table(const ModelConfig *c, int T, float *rotation) {
    Rope r = {.dims = (int)rope_table_width(c),
              .theta = c->rope_theta,
              .scaling = c->rope_scaling,
              .factor = c->rope_factor,
              .original = c->rope_original ? c->rope_original : c->context,
              .low = c->rope_low,
              .high = c->rope_high};
    rope_table(rotation, T, &r);
}
/* Vectors of q and k in a token's row. */
static int turned(const Ctx *c) {
    return (c->H + c->KV) * (c->dh / c->dk);
}
static void rope_forward(const Ctx *c, float *qkv, int64_t ld) {
    rope_turn(qkv, ld, c->B, c->T, c->place, turned(c), c->dk, (int)rope_table_width(c->c), c->rotation, 1);
}
static void rope_backward(const Ctx *c, float *dqkv, int64_t ld) {
    rope_turn(dqkv, ld, c->B, c->T, c->place, turned(c), c->dk, (int)rope_table_width(c->c), c->rotation, -1);
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
    {.head = {"rope", "rotation of q and k on halves, base model.rope_theta (arXiv 2104.09864)", {{0}}},
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
