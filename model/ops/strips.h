/* Owns: how a sum over tokens (the gradient of a gain) is cut: strips of at most 64 tokens
 * that never cross a row, each summed alone, then added to the gradient in order. So the
 * bits depend neither on the threads nor on how many rows are in flight.
 * Does not own: what is summed (the op), the room for the strips (model/tape.c). */
#ifndef SINKLAB_STRIPS_H
#define SINKLAB_STRIPS_H

#include <stdint.h>

enum { STRIP = 64 };

static inline int strips_per_row(int T) {
    return (T + STRIP - 1) / STRIP;
}
static inline int strips_count(int B, int T) {
    return B * strips_per_row(T);
}

/* Tokens n0 .. n1-1 of strip s. */
static inline void strip_range(int s, int T, int64_t *n0, int64_t *n1) {
    int per = strips_per_row(T), row = s / per, t0 = s % per * STRIP;
    int t1 = t0 + STRIP < T ? t0 + STRIP : T;
    *n0 = (int64_t)row * T + t0;
    *n1 = (int64_t)row * T + t1;
}

/* Adds token n's share to its strip's sum; `op`: whatever the op needs. */
typedef void AddToken(const void *op, int64_t n, float *sum);

/* grad (width) += the sum over all tokens. partial: (strips, width). */
void strips_sum(AddToken *add, const void *op, int B, int T, int width, float *partial, float *grad);

#endif
