/* Owns: randomness without state. A number is a pure function of
 * (seed, stream, step, index), so the order in which threads, resumed runs or
 * sweeps ask for it cannot change it. Philox 4x32-10 (Salmon et al. 2011).
 * Does not own: what is drawn with it: weights (model/init.c), rows (data/rows.c). */
#ifndef SINKLAB_RNG_H
#define SINKLAB_RNG_H

#include <stdint.h>

/* One stream for each use, so that changing one use leaves the others as they were. */
typedef enum RngStream {
    RNG_INIT = 1,    /* weights; step = rng_step_of the tensor's name */
    RNG_SHUFFLE = 2, /* order of the text blocks; step = epoch */
    RNG_HELDOUT = 3, /* which documents are held out */
    RNG_PROBE = 4,   /* which rows the probes are; step = the probe */
    RNG_TASK = 5,    /* synthetic tasks; step = row */
    RNG_SAMPLE = 6,  /* sampling text */
    RNG_TOKENIZER = 7,
    RNG_TEST = 8,
    RNG_SKETCH = 9, /* random directions of estimators */
    RNG_ROW = 10,   /* a training row's own draws (random first token); step = row */
    RNG_DEAL = 11,  /* rows of a deal of blocks; step = epoch and deal */
    RNG_BASIS = 12, /* bases of optimisers; step as of RNG_INIT */
} RngStream;

/* A step for a thing that has a name and no number: FNV-1a, folded to the 40 bits of a step. */
uint64_t rng_step_of(const char *name);

/* 64 uniform bits. */
uint64_t rng_bits(uint64_t seed, RngStream stream, uint64_t step, uint64_t index);

/* Uniform in [0, 1), 53 bits. */
double rng_uniform(uint64_t seed, RngStream stream, uint64_t step, uint64_t index);

/* Uniform integer in [0, n), n > 0 (multiply-shift; bias below n / 2^64). */
uint64_t rng_below(uint64_t seed, RngStream stream, uint64_t step, uint64_t index, uint64_t n);

/* Place of i in a permutation of 0 .. n-1 (0 <= i < n <= 2^62) that depends on (seed, stream,
 * step) alone; any i can be asked for alone. A Feistel network, walked until it falls below n. */
uint64_t rng_permute(uint64_t seed, RngStream stream, uint64_t step, uint64_t i, uint64_t n);

/* Standard normal (Box-Muller, one of the pair). */
double rng_normal(uint64_t seed, RngStream stream, uint64_t step, uint64_t index);

#endif
