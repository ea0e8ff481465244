#include "ablations/bench/processes.h"

#include "data/base/yaml.h"
#include "model/instruments/stats.h"
#include "train/bench.h"
#include "train/config/conflicts.h"
#include "train/host.h"
#include "train/step.h"
#include "train/team.h"

#include <stdlib.h>

/* Times of one process's steps, or of all processes'. */
typedef struct Timing {
    double ms, low, high, exchange_ms; /* medians, quartiles; the slowest process counts */
    double loss;                       /* of the last step */
    int64_t parameters;
} Timing;

static double slowest(Processes *p, double mine) {
    double all[p->size], most = 0;
    all[p->rank] = mine;
    processes_gather(p, all, sizeof *all);
    for (int i = 0; i < p->size; i++) most = all[i] > most ? all[i] : most;
    return most;
}

/* r: NULL where others have the step. */
static void take_steps(Processes *p, BenchRun *r, int steps, double *ms, double *exchange) {
    for (int i = 0; i < steps; i++) {
        double before = p->seconds;
        double mine = r ? bench_step(r, true, NULL) : 0;
        double passed = p->seconds - before;
        ms[i] = slowest(p, mine);
        exchange[i] = slowest(p, 1e3 * passed);
    }
}

static bool time_steps(Processes *p, BenchRun *r, int steps, Timing *out, Error *e) {
    double *ms = calloc((size_t)steps * 2, sizeof *ms);
    bool ok = team_agree(p, ms || fail(e, EXIT_FAILED, "bench: out of memory"), e);
    if (ok) {
        take_steps(p, r, steps, ms, ms + steps);
        *out = (Timing){quantile_of(ms, steps, 0.5),  quantile_of(ms, steps, 0.25),
                        quantile_of(ms, steps, 0.75), quantile_of(ms + steps, steps, 0.5),
                        r ? bench_loss(r) : 0,        r ? bench_trainer(r)->model->parameters : 0};
    }
    free(ms);
    return ok;
}

/* The first process with all rows, while the others wait. */
static bool time_one(Processes *p, const Config *c, int steps, Timing *out, Error *e) {
    BenchRun *r = NULL;
    bool ok = team_agree(p, p->rank || bench_open(&r, c, e), e) && time_steps(p, r, steps, out, e);
    bench_close(r);
    return ok;
}

static bool time_all(Processes *p, const Config *c, int steps, Timing *out, Error *e) {
    BenchRun *r = NULL;
    if (!bench_open_part(&r, c, p, e)) {
        fprintf(stderr, "sinklab: %s\n", e->text); /* the others are in the exchange of its first step */
        processes_abort(p, e->code);
    }
    bool ok = time_steps(p, r, steps, out, e);
    bench_close(r);
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
    Config shared = *c;
    int threads;
    Timing one = {0}, all = {0};
    if (!team_agree(p, team_shares(&shared, p, e) && config_check(&shared, e), e) ||
        !team_agree(p, host_threads(c->run.threads, &threads, e), e) || !time_one(p, c, steps, &one, e) ||
        !time_all(p, &shared, steps, &all, e))
        return false;
    if (!p->rank) (json ? print_json : print_text)(p, name, c, threads, &one, &all);
    return true;
}
