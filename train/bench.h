/* Owns: how fast a configuration trains here, phase by phase, beside what the machine can do.
 * Does not own: how that is shown (train/bench_command.c). */
#ifndef SINKLAB_BENCH_H
#define SINKLAB_BENCH_H

#include "model/phases.h"
#include "train/config.h"

/* The machine, measured now. */
typedef struct BenchMachine {
    char cpu[128];
    int threads;
    const char *blas_arch;
    double fp32, bf16; /* FLOP/s; bf16 is 0 where the CPU has none */
    double bytes;      /* bytes a second to and from memory */
} BenchMachine;

bool bench_machine(BenchMachine *m, Error *e);

/* Medians over the steps timed. */
typedef struct BenchResult {
    bool bf16;
    int64_t tokens;       /* a step */
    double ms, low, high; /* of a step: median, quartiles */
    double phase_ms[PHASES];
    Work phase_work[PHASES];              /* a step */
    double flops_nominal, flops_executed; /* a token: 6 a weight + 12 L T d; attention halved */
    double memory;                        /* bytes, the most in use */
} BenchResult;

/* Trains `steps` steps on random tokens after one that is not counted. Without `watch` nothing is
 * logged, so that its cost can be told. */
bool bench_config(const Config *c, int steps, bool watch, BenchResult *out, Error *e);

#endif
