#include "ablations/bench/rounds.h"

#include "model/instruments/stats.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct Round {
    BenchMachine machine;
    BenchResult result;
} Round;

/* ---- figures ---- */

const char *entry_precision(const Entry *x) {
    return x->result.bf16 ? "bf16" : "fp32";
}

double entry_limit(const Entry *x, int phase) {
    const double limit[] = {[WORK_NONE] = 0,
                            [WORK_FLOPS] = x->result.bf16 ? x->machine.bf16 : x->machine.fp32,
                            [WORK_BYTES] = x->machine.bytes};
    return limit[phase_unit(phase)];
}

double entry_rate(const Entry *x, int phase) {
    const Work *w = &x->result.phase_work[phase];
    double ms = x->result.phase_ms[phase];
    return ms > 0 ? (phase_unit(phase) == WORK_FLOPS ? w->flops : w->bytes) / (ms * 1e-3) : 0;
}

double entry_share(const Entry *x, int phase) {
    double limit = entry_limit(x, phase);
    return limit > 0 ? entry_rate(x, phase) / limit : 0;
}

static double tokens_per_second(const Round *r) {
    return (double)r->result.tokens / (r->result.ms * 1e-3);
}

static double peak(const Round *r) {
    return r->result.bf16 ? r->machine.bf16 : r->machine.fp32;
}

static double nominal(const Round *r) {
    return tokens_per_second(r) * r->result.flops_nominal / peak(r);
}

static double executed(const Round *r) {
    return tokens_per_second(r) * r->result.flops_executed / peak(r);
}

static double fp32(const Round *r) {
    return r->machine.fp32;
}

static double bf16(const Round *r) {
    return r->machine.bf16;
}

static double bytes(const Round *r) {
    return r->machine.bytes;
}

/* ---- what the rounds come to ---- */

static Spread spread(const Round *round, int n, double (*figure)(const Round *r)) {
    double x[n];
    for (int i = 0; i < n; i++) x[i] = figure(&round[i]);
    double median = quantile_of(x, n, 0.5); /* sorts */
    return (Spread){median, x[0], x[n - 1]};
}

static int by_speed(const void *a, const void *b) {
    double x = tokens_per_second(a), y = tokens_per_second(b);
    return (x > y) - (x < y);
}

static void summarise(Entry *x, Round *round, int n) {
    x->speed = spread(round, n, tokens_per_second);
    x->nominal = spread(round, n, nominal);
    x->executed = spread(round, n, executed);
    qsort(round, (size_t)n, sizeof *round, by_speed);
    const Round *median = &round[n / 2];
    x->machine = median->machine;
    x->result = median->result;
    for (int i = 0; i < n; i++)
        if (round[i].result.memory > x->result.memory) x->result.memory = round[i].result.memory;
}

/* Of any configuration's rounds: all met the same machine. */
static void summarise_machine(Bench *b, const Round *round) {
    b->machine = round->machine;
    b->machine.fp32 = spread(round, b->rounds, fp32).median;
    b->machine.bf16 = spread(round, b->rounds, bf16).median;
    b->machine.bytes = spread(round, b->rounds, bytes).median;
}

static bool take_round(Bench *b, int number, int steps, bool watch, void (*say)(const char *line),
                       Round *round, Error *e) {
    BenchMachine machine;
    char line[640];
    if (!bench_machine(&machine, e)) return false;
    for (int i = 0; i < b->n; i++) {
        snprintf(line, sizeof line, "round %d of %d: %s", number + 1, b->rounds, b->of[i].name);
        if (say) say(line);
        Round *to = &round[i * b->rounds + number];
        to->machine = machine;
        if (!bench_config(&b->of[i].c, steps, watch, &to->result, e)) return false;
    }
    return true;
}

bool rounds_measure(Bench *b, int steps, bool watch, void (*say)(const char *line), Error *e) {
    Round *round = calloc((size_t)(b->n * b->rounds), sizeof *round);
    bool ok = round || fail(e, EXIT_FAILED, "bench: out of memory");
    for (int i = 0; ok && i < b->rounds; i++) ok = take_round(b, i, steps, watch, say, round, e);
    if (ok) summarise_machine(b, round);
    for (int i = 0; ok && i < b->n; i++) summarise(&b->of[i], round + i * b->rounds, b->rounds);
    free(round);
    return ok;
}
