/* Owns: random draws of the tests of faults: splitmix64, from a seed. Does not own: the program's randomness.
 */
#ifndef SINKLAB_TESTS_DRAW_H
#define SINKLAB_TESTS_DRAW_H

#include <stdint.h>

static inline uint64_t draw(uint64_t *state) {
    *state += 0x9E3779B97F4A7C15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline uint64_t draw_below(uint64_t *state, uint64_t n) {
    return draw(state) % n;
}

#endif
