#include "train/bench.h"

#include "data/base/rng.h"
#include "model/gemm.h"
#include "model/gemm_bf16.h"
#include "model/grain.h"
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

struct BenchRun {
    Config c; /* the trainer points to it */
    Trainer t;
    StepHead *heads; /* the trainer's, while it is not watched */
    double *figures; /* [2][layers][heads] */
    int64_t steps;
};

/* Whole rows of uniformly random tokens: the arithmetic does not care. */
static void fill(Trainer *t, int64_t step) {
    for (int64_t i = 0; i < t->c->train.batch_tokens; i++) {
        uint64_t vocab = (uint64_t)t->c->model.vocab;
        t->rows.x[i] = (int32_t)rng_below(0, RNG_TEST, (uint64_t)step, (uint64_t)(2 * i), vocab);
        t->rows.y[i] = (int32_t)rng_below(0, RNG_TEST, (uint64_t)step, (uint64_t)(2 * i + 1), vocab);
        t->rows.lo[i] = 0;
    }
}

bool bench_open(BenchRun **out, const Config *c, Error *e) {
    BenchRun *r = calloc(1, sizeof *r);
    if (!r) return fail(e, EXIT_FAILED, "bench: out of memory");
    size_t cells = (size_t)(c->model.layers * c->model.heads);
    r->c = *c;
    r->c.model.vocab = c->data.vocab;
    r->figures = calloc(2 * cells, sizeof *r->figures);
    if (!r->figures || !trainer_create(&r->t, &r->c, e)) {
        bench_close(r);
        return e && e->code ? false : fail(e, EXIT_FAILED, "bench: out of memory");
    }
    model_init(r->t.model, (uint64_t)c->seed);
    bench_step(r, true, NULL); /* touches memory, wakes threads */
    *out = r;
    return true;
}

void bench_close(BenchRun *r) {
    if (!r) return;
    if (r->heads) r->t.heads = r->heads;
    trainer_free(&r->t);
    free(r->figures);
    free(r);
}

double bench_step(BenchRun *r, bool watch, Phases *phases) {
    Trainer *t = &r->t;
    double start = omp_get_wtime();
    r->heads = t->heads;
    if (!watch) t->heads = NULL;
    if (phases) phases_start(phases);
    t->phases = phases;
    fill(t, r->steps++);
    phase_end(phases, PHASE_DATA, (Work){0, 0});
    trainer_step(t, r->steps);
    if (t->heads) step_head_take(t->heads, r->figures, r->figures + t->c->model.layers * t->c->model.heads);
    phase_end(phases, PHASE_INSTRUMENTS, (Work){0, 0});
    t->heads = r->heads;
    t->phases = NULL;
    return (omp_get_wtime() - start) * 1e3;
}

Trainer *bench_trainer(BenchRun *r) {
    return &r->t;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_quantile(double *x, int n, double share) {
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
        out->phase_ms[phase] = bench_quantile(x, steps, 0.5);
        out->phase_work[phase] = of_step[0].of[phase].work;
    }
    if (total) {
        out->ms = bench_quantile(total, steps, 0.5);
        out->low = bench_quantile(total, steps, 0.25);
        out->high = bench_quantile(total, steps, 0.75);
    }
    free(x);
    free(total);
}

static bool time_steps(BenchRun *r, int steps, bool watch, BenchResult *out, Error *e) {
    Phases *of_step = calloc((size_t)steps, sizeof *of_step);
    for (int s = 0; of_step && s < steps; s++) bench_step(r, watch, &of_step[s]);
    if (of_step) summarise(of_step, steps, out);
    free(of_step);
    return of_step || fail(e, EXIT_FAILED, "bench: out of memory");
}

static void describe(const BenchRun *r, BenchResult *out) {
    const Config *c = &r->c;
    double attention = 12.0 * (double)(c->model.layers * r->t.T * c->model.width);
    bool bf16 = trainer_in_bf16(c);
    *out = (BenchResult){.bf16 = bf16,
                         .tokens = c->train.batch_tokens,
                         .flops_nominal = model_flops_per_token(r->t.model, r->t.T),
                         .threads = grain_threads(r->t.model, r->t.micro_rows, r->t.T, bf16)};
    out->flops_executed = out->flops_nominal - attention / 2;
    for (int phase = 0; phase < PHASES; phase++)
        out->pieces[phase] = grain_pieces(r->t.model, r->t.micro_rows, r->t.T, bf16, phase);
}

bool bench_config(const Config *c, int steps, bool watch, BenchResult *out, Error *e) {
    BenchRun *r;
    host_memory_forget();
    if (!bench_open(&r, c, e)) return false;
    describe(r, out);
    bool ok = time_steps(r, steps, watch, out, e);
    out->memory = host_memory_most();
    bench_close(r);
    return ok;
}
