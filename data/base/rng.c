#include "data/base/rng.h"

#include <math.h>

static void philox(uint32_t c[4], uint64_t key) {
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k0, (uint32_t)p1, (uint32_t)(p0 >> 32) ^ c[3] ^ k1,
                            (uint32_t)p0};
        for (int i = 0; i < 4; i++) c[i] = next[i];
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* The counter: index 64 bits, step 40 bits, stream 24 bits. */
static void draw(uint64_t seed, RngStream stream, uint64_t step, uint64_t index, uint32_t out[4]) {
    out[0] = (uint32_t)index;
    out[1] = (uint32_t)(index >> 32);
    out[2] = (uint32_t)step;
    out[3] = (uint32_t)(step >> 32 & 0xff) | (uint32_t)stream << 8;
    philox(out, seed);
}

uint64_t rng_step_of(const char *name) {
    uint64_t h = 1469598103934665603u;
    for (; *name; name++) h = (h ^ (uint8_t)*name) * 1099511628211u;
    return (h ^ h >> 40) & 0xffffffffffu;
}

uint64_t rng_bits(uint64_t seed, RngStream stream, uint64_t step, uint64_t index) {
    uint32_t r[4];
    draw(seed, stream, step, index, r);
    return (uint64_t)r[1] << 32 | r[0];
}

static double unit(uint32_t high, uint32_t low) {
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

double rng_uniform(uint64_t seed, RngStream stream, uint64_t step, uint64_t index) {
    uint32_t r[4];
    draw(seed, stream, step, index, r);
    return unit(r[1], r[0]);
}

uint64_t rng_below(uint64_t seed, RngStream stream, uint64_t step, uint64_t index, uint64_t n) {
    return (uint64_t)((unsigned __int128)rng_bits(seed, stream, step, index) * n >> 64);
}

double rng_normal(uint64_t seed, RngStream stream, uint64_t step, uint64_t index) {
    uint32_t r[4];
    draw(seed, stream, step, index, r);
    double radius = sqrt(-2.0 * log(1.0 - unit(r[1], r[0])));
    return radius * cos(6.283185307179586 * unit(r[3], r[2]));
}

uint64_t rng_permute(uint64_t seed, RngStream stream, uint64_t step, uint64_t i, uint64_t n) {
    enum { ROUNDS = 8 };
    int half = 1; /* bits of each half: the network permutes 0 .. 4^half - 1, at most 4n numbers */
    while (1ull << 2 * half < n) half++;
    uint64_t mask = (1ull << half) - 1;
    do {
        uint64_t left = i >> half, right = i & mask;
        for (uint64_t round = 0; round < ROUNDS; round++) {
            uint64_t next = left ^ (rng_bits(seed, stream, step, round << 32 | right) & mask);
            left = right;
            right = next;
        }
        i = left << half | right;
    } while (i >= n);
    return i;
}
