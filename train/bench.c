#include "train/bench.h"

#include "data/base/rng.h"
#include "data/rows.h"
#include "model/instruments/stats.h"
#include "model/kernels/gemm.h"
#include "model/kernels/gemm_bf16.h"
#include "model/kernels/peak.h"
#include "model/useful_threads.h"
#include "train/host.h"
#include "train/step.h"
#include "train/store_gradients.h"

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

enum { TEXT_TOKENS = 1 << 21, DOCUMENT = 512, MOST_STEPS = 7, LEAST_STEPS = 2 };
static const double TIME_MS = 10e3; /* for the steps of a configuration, where their number is not said */

struct BenchRun {
    Config c; /* the trainer points to it */
    Trainer t;
    double *figures; /* [2][layers][heads] */
    Stream text;
    uint16_t *token; /* of the text, [TEXT_TOKENS] */
    int64_t *start;  /* of its documents */
    int64_t steps;
    double loss, warm_ms; /* of the last step; of the one that is not counted */
};

/* A text of uniformly random tokens, which cost what real ones do; rows are cut of the text as usual. */
static bool make_text(BenchRun *r) {
    enum { DOCUMENTS = TEXT_TOKENS / DOCUMENT };
    const DataConfig *c = &r->c.data;
    r->token = malloc(TEXT_TOKENS * sizeof *r->token);
    r->start = malloc((DOCUMENTS + 1) * sizeof *r->start);
    if (!r->token || !r->start) return false;
    for (int64_t i = 0; i < TEXT_TOKENS; i++)
        r->token[i] = (uint16_t)rng_below(0, RNG_TEST, 0, (uint64_t)i, (uint64_t)c->vocab);
    for (int64_t i = 0; i <= DOCUMENTS; i++) r->start[i] = i * DOCUMENT;
    r->text = (Stream){.token = r->token,
                       .start = r->start,
                       .documents = DOCUMENTS,
                       .mask = c->mask,
                       .deal = c->deal,
                       .bos = c->bos};
    r->text.length = stream_length(&r->text);
    return true;
}

static void take_rows(BenchRun *r) {
    Trainer *t = &r->t;
    OwnRows own = trainer_rows(t);
    for (int i = 0; i < own.n; i++) {
        int64_t number = r->steps * t->rows_per_step + own.first + i;
        stream_row(&r->text, stream_shuffled(&r->text, config_seed(&r->c, SEED_DATA), number, t->T), t->T,
                   r->text.bos == BOS_ROW, i, &own.at);
    }
    r->steps++;
}

bool bench_open(BenchRun **out, const Config *c, Error *e) {
    return bench_open_part(out, c, NULL, e);
}

bool bench_open_part(BenchRun **out, const Config *c, Processes *p, Error *e) {
    BenchRun *r = calloc(1, sizeof *r);
    if (!r) return fail(e, EXIT_FAILED, "bench: out of memory");
    size_t cells = (size_t)(c->model.layers * c->model.heads);
    r->c = *c;
    r->c.model.vocab = c->data.vocab;
    r->figures = calloc(2 * cells, sizeof *r->figures);
    if (!r->figures || !make_text(r) || !trainer_create(&r->t, &r->c, p, e)) {
        bench_close(r);
        return e && e->code ? false : fail(e, EXIT_FAILED, "bench: out of memory");
    }
    model_init(r->t.model, config_seed(c, SEED_INIT));
    r->warm_ms = bench_step(r, true, NULL); /* touches memory, wakes threads */
    *out = r;
    return true;
}

void bench_close(BenchRun *r) {
    if (!r) return;
    trainer_free(&r->t);
    free(r->figures);
    free(r->token);
    free(r->start);
    free(r);
}

double bench_step(BenchRun *r, bool watch, Phases *phases) {
    Trainer *t = &r->t;
    double start = omp_get_wtime();
    StepHead *heads = t->heads;
    if (!watch) t->heads = NULL;
    if (phases) phases_start(phases);
    t->phases = phases;
    take_rows(r);
    phase_end(phases, PHASE_DATA, (Work){0, 0});
    r->loss = trainer_step(t, r->steps).loss;
    if (t->heads) step_head_take(t->heads, r->figures, r->figures + t->c->model.layers * t->c->model.heads);
    phase_end(phases, PHASE_INSTRUMENTS, (Work){0, 0});
    t->heads = heads;
    t->phases = NULL;
    return (omp_get_wtime() - start) * 1e3;
}

bool bench_write(const BenchRun *r, const ScratchStore *s, Error *e) {
    const ModelConfig *m = &r->c.model;
    StepRow row = {.step = r->steps, .tokens = r->steps * r->c.train.batch_tokens};
    return store_step(s->store, s->run, &row, e) &&
           store_step_head(s->store, s->run, row.step, (int)m->layers, config_routes(m) ? 2 : 1,
                           (int)m->heads, r->figures, r->figures + m->layers * m->heads, e) &&
           store_gradients(&r->t, s->store, s->run, row.step, e);
}

double bench_loss(const BenchRun *r) {
    return r->loss;
}

Trainer *bench_trainer(BenchRun *r) {
    return &r->t;
}

/* x, total: [steps], to work in. */
static void summarise(const Phases *of_step, int steps, double *x, double *total, BenchResult *out) {
    for (int phase = 0; phase < PHASES; phase++) {
        for (int s = 0; s < steps; s++) {
            x[s] = of_step[s].of[phase].seconds * 1e3;
            total[s] += x[s];
        }
        out->phase_ms[phase] = quantile_of(x, steps, 0.5);
        out->phase_work[phase] = of_step[0].of[phase].work;
    }
    out->ms = quantile_of(total, steps, 0.5);
    out->low = quantile_of(total, steps, 0.25);
    out->high = quantile_of(total, steps, 0.75);
}

static bool take_steps(BenchRun *r, ScratchStore *s, int steps, Phases *of_step, Error *e) {
    for (int i = 0; i < steps; i++) {
        bench_step(r, true, &of_step[i]);
        if (!bench_write(r, s, e)) return false;
        phase_end(&of_step[i], PHASE_STORE, (Work){0, 0});
    }
    double start = omp_get_wtime();
    if (!store_flush(s->store, e)) return false;
    double part = (omp_get_wtime() - start) / steps;
    for (int i = 0; i < steps; i++) of_step[i].of[PHASE_STORE].seconds += part;
    return true;
}

static int steps_in_time(const BenchRun *r) {
    double steps = TIME_MS / r->warm_ms;
    return steps > MOST_STEPS ? MOST_STEPS : steps < LEAST_STEPS ? LEAST_STEPS : (int)steps;
}

static bool time_steps(BenchRun *r, BenchResult *out, Error *e) {
    ScratchStore s = {.store = NULL};
    Phases *of_step = calloc((size_t)out->steps, sizeof *of_step);
    double *ms = calloc((size_t)out->steps * 2, sizeof *ms);
    bool ok = (of_step && ms) || fail(e, EXIT_FAILED, "bench: out of memory");
    ok = ok && scratch_open(&s, &r->c, e) && take_steps(r, &s, out->steps, of_step, e);
    if (ok) summarise(of_step, out->steps, ms, ms + out->steps, out);
    scratch_close(&s);
    free(of_step);
    free(ms);
    return ok;
}

static void describe(const BenchRun *r, int steps, BenchResult *out) {
    const Config *c = &r->c;
    double attention = 12.0 * (double)(c->model.layers * r->t.T * c->model.width);
    bool bf16 = trainer_in_bf16(c);
    *out = (BenchResult){.bf16 = bf16,
                         .steps = steps ? steps : steps_in_time(r),
                         .tokens = c->train.batch_tokens,
                         .flops_nominal = model_flops_per_token(r->t.model, r->t.T),
                         .threads = useful_threads(r->t.model, r->t.micro_rows, r->t.T, bf16)};
    out->flops_executed = out->flops_nominal - attention / 2;
    for (int phase = 0; phase < PHASES; phase++)
        out->pieces[phase] = useful_pieces(r->t.model, r->t.micro_rows, r->t.T, bf16, phase);
}

bool bench_config(const Config *c, int steps, BenchResult *out, Error *e) {
    BenchRun *r;
    host_memory_forget();
    if (!bench_open(&r, c, e)) return false;
    describe(r, steps, out);
    bool ok = time_steps(r, out, e);
    out->memory = host_memory_most();
    bench_close(r);
    return ok;
}
