/* ./sinklab-mpi. Nothing is overlapped: gradients are exchanged when all of them are there, as a first
 * data-parallel trainer would. */
#include "ablations/bench/processes.h"

#include "model/instruments/stats.h"
#include "train/config/yaml.h"
#include "train/host.h"
#include "train/step.h"

#include <mpi.h>
#include <omp.h>
#include <stdlib.h>

enum { PART = 1 << 26 }; /* floats of one call, whose count is an int */

struct Processes {
    int rank, size;
    double exchange; /* seconds of the step under way */
};

/* Times of one process's steps, or of all processes'. */
typedef struct Timing {
    double ms, low, high, exchange_ms; /* medians, quartiles; the slowest process counts */
    double loss;                       /* mean over all rows of the last step */
    int64_t parameters;
} Timing;

bool processes_open(Processes **out, int *rank, Error *e) {
    Processes *p = calloc(1, sizeof *p);
    if (!p || MPI_Init(NULL, NULL)) {
        free(p);
        return fail(e, EXIT_FAILED, "bench: --mpi: MPI does not start");
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &p->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &p->size);
    *rank = p->rank;
    *out = p;
    if (p->size > 1) return true;
    processes_close(p);
    return fail(e, EXIT_USAGE,
                "bench: --mpi: one process has nobody to share with (mpirun -n 2 ./sinklab-mpi ...)");
}

void processes_close(Processes *p) {
    if (!p) return;
    MPI_Finalize();
    free(p);
}

static void average(void *self, float *grads, int64_t n) {
    Processes *p = self;
    double start = omp_get_wtime();
    for (int64_t at = 0; at < n; at += PART)
        MPI_Allreduce(MPI_IN_PLACE, grads + at, (int)(n - at < PART ? n - at : PART), MPI_FLOAT, MPI_SUM,
                      MPI_COMM_WORLD);
#pragma omp parallel for simd
    for (int64_t i = 0; i < n; i++) grads[i] /= (float)p->size;
    p->exchange += omp_get_wtime() - start;
}

bool processes_agree(Processes *p, bool ok, Error *e) {
    (void)p;
    int well = ok, all;
    MPI_Allreduce(&well, &all, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    return all || (ok ? fail(e, EXIT_FAILED, "bench: --mpi: another process failed") : false);
}

static double slowest(double mine) {
    double all;
    MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return all;
}

static void take_steps(Processes *p, BenchRun *r, int steps, double *ms, double *exchange) {
    for (int i = 0; i < steps; i++) {
        MPI_Barrier(MPI_COMM_WORLD);
        p->exchange = 0;
        ms[i] = slowest(r ? bench_step(r, true, NULL) : 0);
        exchange[i] = slowest(1e3 * p->exchange);
    }
}

/* r: NULL where others have the step. */
static bool time_steps(Processes *p, BenchRun *r, int steps, Timing *out, Error *e) {
    double *ms = calloc((size_t)steps * 2, sizeof *ms);
    bool ok = processes_agree(p, ms || fail(e, EXIT_FAILED, "bench: out of memory"), e);
    if (ok) {
        take_steps(p, r, steps, ms, ms + steps);
        double loss = r ? bench_loss(r) : 0;
        MPI_Allreduce(MPI_IN_PLACE, &loss, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
        *out = (Timing){quantile_of(ms, steps, 0.5),
                        quantile_of(ms, steps, 0.25),
                        quantile_of(ms, steps, 0.75),
                        quantile_of(ms + steps, steps, 0.5),
                        loss,
                        r ? bench_trainer(r)->model->parameters : 0};
    }
    free(ms);
    return ok;
}

/* The first process with all rows, while the others wait. */
static bool time_one(Processes *p, const Config *c, int steps, Timing *out, Error *e) {
    BenchRun *r = NULL;
    bool ok = processes_agree(p, p->rank || bench_open(&r, c, e), e) && time_steps(p, r, steps, out, e);
    bench_close(r);
    return ok;
}

static bool time_all(Processes *p, const Config *c, int steps, Timing *out, Error *e) {
    BenchRun *r = NULL;
    BenchShare share = {p->rank, p->size, &(Exchange){average, p}};
    if (!bench_open_share(&r, c, &share, e)) {
        fprintf(stderr, "sinklab: %s\n", e->text); /* the others are in the exchange of its first step */
        MPI_Abort(MPI_COMM_WORLD, e->code);
    }
    bool ok = time_steps(p, r, steps, out, e);
    bench_close(r);
    out->loss /= p->size;
    return ok;
}

static void print_row(int processes, int threads, const Config *c, const Timing *t, double one_ms) {
    printf("%9d %7d %10.1f  (%.1f to %.1f) %9.2f %10.0f %7.2f %9.0f%%\n", processes, threads, t->ms, t->low,
           t->high, t->exchange_ms, (double)c->train.batch_tokens / (t->ms * 1e-3), one_ms / t->ms,
           100 * one_ms / t->ms / processes);
}

static void print_text(const Processes *p, const char *name, const Config *c, int threads, const Timing *one,
                       const Timing *all) {
    printf("\n%s: %.2f M gradients (%.1f MB) averaged after each step of %lld tokens\n", name,
           (double)one->parameters * 1e-6, (double)one->parameters * 4e-6, (long long)c->train.batch_tokens);
    printf("%9s %7s %10s  %-18s %9s %10s %7s %10s\n", "processes", "threads", "ms", "(quartiles)", "exchange",
           "tokens/s", "speed", "of ideal");
    print_row(1, threads, c, one, one->ms);
    print_row(p->size, threads, c, all, one->ms);
    printf("loss of the last step: %.6f in one process, %.6f in %d\n", one->loss, all->loss, p->size);
}

static void print_json(const Processes *p, const char *name, const Config *c, int threads, const Timing *one,
                       const Timing *all) {
    printf("{\"config\":");
    json_string(stdout, name);
    printf(",\"processes\":%d,\"threads\":%d,\"parameters\":%lld,\"tokens\":%lld,\"one_ms\":%.6g,\"ms\":%.6g,"
           "\"exchange_ms\":%.6g,\"speed\":%.6g,\"one_loss\":%.9g,\"loss\":%.9g}\n",
           p->size, threads, (long long)one->parameters, (long long)c->train.batch_tokens, one->ms, all->ms,
           all->exchange_ms, one->ms / all->ms, one->loss, all->loss);
}

bool processes_show(Processes *p, const char *name, const Config *c, int steps, bool json, Error *e) {
    int64_t rows = c->train.batch_tokens / c->model.context;
    int threads;
    Timing one = {0}, all = {0};
    if (rows % p->size)
        return fail(e, EXIT_USAGE,
                    "bench: --mpi: %s: %lld rows of a step cannot be shared evenly by %d processes "
                    "(train.batch_tokens)",
                    name, (long long)rows, p->size);
    if (!processes_agree(p, host_threads(c->run.threads, &threads, e), e) ||
        !time_one(p, c, steps, &one, e) || !time_all(p, c, steps, &all, e))
        return false;
    if (p->rank) return true;
    (json ? print_json : print_text)(p, name, c, threads, &one, &all);
    return true;
}
