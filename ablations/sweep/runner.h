/* Owns: running what is missing of a plan: which run next, on which cores, until all are over or a signal
 * comes. Does not own: one run (ablations/sweep/run_process.h, train/run.h), what is printed afterwards. */
#ifndef SINKLAB_RUNNER_H
#define SINKLAB_RUNNER_H

#include "ablations/sweep/plan.h"

typedef struct RunnerOptions {
    const char *db, *cache;
    int jobs; /* processes at a time; 0: chosen */
    int only; /* index of the one run to do; -1: all */
    bool retry, quiet;
} RunnerOptions;

/* The rule for `jobs`: as many one-thread runs as cores when all models are small (16 M parameters at most)
 * and there is a run or more a core to do; else one at a time on all cores. */
int runner_jobs(const Plan *p, const RunnerOptions *o);

/* Does what is missing: done runs are left alone, interrupted ones go on, failed and diverged ones wait for
 * `retry`, those that another process has are waited for. With tuned axes the judging seeds wait for those
 * that tune, and only each side's best cell is judged. Returns 0 when all that is needed is done, 1 when
 * something is not, 130 or 143 after a signal, which the runs were told of and have saved themselves. The
 * plan's statuses are those of the end. */
int runner_run(Plan *p, Store *s, const RunnerOptions *o, Error *e);

#endif
