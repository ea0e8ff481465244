#include "train/bench.h"

#include "data/base/rng.h"
#include "model/gemm.h"
#include "model/gemm_bf16.h"
#include "model/peak.h"
#include "train/host.h"
#include "train/step.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

bool bench_machine(BenchMachine *m, Error *e) {
    m->blas_arch = gemm_start();
    host_cpu(m->cpu, sizeof m->cpu);
    if (!host_threads(0, &m->threads, e)) return false;
    m->fp32 = peak_flops(m->threads);
    m->bf16 = gemm_bf16_peak(m->threads);
    m->bytes = peak_bytes(m->threads);
    return true;
}

/* Whole rows of uniformly random tokens: the arithmetic does not care. */
static void fill(Trainer *t, int64_t step) {
    for (int64_t i = 0; i < t->c->train.batch_tokens; i++) {
        uint64_t vocab = (uint64_t)t->c->model.vocab;
        t->rows.x[i] = (int32_t)rng_below(0, RNG_TEST, (uint64_t)step, (uint64_t)(2 * i), vocab);
        t->rows.y[i] = (int32_t)rng_below(0, RNG_TEST, (uint64_t)step, (uint64_t)(2 * i + 1), vocab);
        t->rows.lo[i] = 0;
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value below which that share of n lies; sorts x. */
static double quantile(double *x, int n, double share) {
    qsort(x, (size_t)n, sizeof *x, ascending);
    return x[(int)(share * (n - 1) + 0.5)];
}

static void summarise(const Phases *of_step, int steps, BenchResult *out) {
    double *x = calloc((size_t)steps, sizeof *x), *total = calloc((size_t)steps, sizeof *total);
    for (int phase = 0; x && total && phase < PHASES; phase++) {
        for (int s = 0; s < steps; s++) {
            x[s] = of_step[s].of[phase].seconds * 1e3;
            total[s] += x[s];
        }
        out->phase_ms[phase] = quantile(x, steps, 0.5);
        out->phase_work[phase] = of_step[0].of[phase].work;
    }
    if (total) {
        out->ms = quantile(total, steps, 0.5);
        out->low = quantile(total, steps, 0.25);
        out->high = quantile(total, steps, 0.75);
    }
    free(x);
    free(total);
}

/* The first step is not counted: it touches memory and wakes threads. */
static bool time_steps(Trainer *t, int steps, BenchResult *out, Error *e) {
    Phases *of_step = calloc((size_t)steps + 1, sizeof *of_step);
    size_t cells = (size_t)(t->c->model.layers * t->c->model.heads);
    double *figures = calloc(2 * cells, sizeof *figures);
    for (int s = 0; of_step && figures && s <= steps; s++) {
        phases_start(&of_step[s]);
        t->phases = &of_step[s];
        fill(t, s);
        phase_end(t->phases, PHASE_DATA, (Work){0, 0});
        trainer_step(t, s + 1);
        if (t->heads) step_head_take(t->heads, figures, figures + cells);
        phase_end(t->phases, PHASE_INSTRUMENTS, (Work){0, 0});
    }
    bool ok = of_step && figures;
    if (ok) summarise(of_step + 1, steps, out);
    free(of_step);
    free(figures);
    return ok || fail(e, EXIT_FAILED, "bench: out of memory");
}

bool bench_config(const Config *c, int steps, bool watch, BenchResult *out, Error *e) {
    Config fixed = *c;
    fixed.model.vocab = c->data.vocab;
    Trainer t;
    host_memory_forget();
    bool ok = trainer_create(&t, &fixed, e);
    if (ok) {
        model_init(t.model, (uint64_t)c->seed);
        if (!watch) {
            step_head_free(t.heads);
            t.heads = NULL;
        }
        double attention = 12.0 * (double)(c->model.layers * t.T * c->model.width);
        *out = (BenchResult){.bf16 = trainer_in_bf16(c),
                             .tokens = c->train.batch_tokens,
                             .flops_nominal = model_flops_per_token(t.model, t.T)};
        out->flops_executed = out->flops_nominal - attention / 2;
        ok = time_steps(&t, steps, out, e);
        out->memory = host_memory_most();
    }
    trainer_free(&t);
    return ok;
}
