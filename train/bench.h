/* Owns: how fast a configuration trains here, phase by phase, beside what the machine can do.
 * Does not own: how that is shown, what is compared (ablations/bench/). */
#ifndef SINKLAB_BENCH_H
#define SINKLAB_BENCH_H

#include "model/timing.h"
#include "train/config/config.h"
#include "train/processes.h"
#include "train/store/scratch_store.h"

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
    int steps;            /* timed */
    int64_t tokens;       /* a step */
    double ms, low, high; /* of a step: median, quartiles */
    double phase_ms[PHASES];
    Work phase_work[PHASES];              /* a step */
    double flops_nominal, flops_executed; /* a token: 6 a weight + 12 L T d; attention halved */
    int threads;                          /* with work for half of the time: model/useful_threads.h */
    int64_t pieces[PHASES];               /* that a phase falls into; 0: not told */
    double memory;                        /* bytes, the most in use */
} BenchResult;

/* Trains `steps` steps (0: as many as go into ten seconds, 2 to 7) on a text of random tokens after one that
 * is not counted, and writes them into a database that nobody keeps; of its transaction each step bears its
 * part. */
bool bench_config(const Config *c, int steps, BenchResult *out, Error *e);

/* A bench run made a step at a time, so that steps of several configurations can take turns. bench_open has
 * made a first step, which is not to be counted. */
typedef struct BenchRun BenchRun;
bool bench_open(BenchRun **out, const Config *c, Error *e);
/* Opens a bench run of which each of the processes, whose number divides train.shares, takes its part. */
bool bench_open_part(BenchRun **out, const Config *c, Processes *p, Error *e);
void bench_close(BenchRun *r);
/* Makes a step; returns its milliseconds. Without `watch` nothing is measured of the heads, so that the cost
 * of measuring can be told; phases may be NULL. */
double bench_step(BenchRun *r, bool watch, Phases *phases);
/* The rows of the last step, as training hands them to its store. */
bool bench_write(const BenchRun *r, const ScratchStore *s, Error *e);
double bench_loss(const BenchRun *r); /* nats, at the last step */
struct Trainer *bench_trainer(BenchRun *r);

#endif
