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

/* Figures that are measured in every round. */
typedef enum RoundFigure { SPEED, NOMINAL, EXECUTED, FP32, BF16, BYTES, FIGURES } RoundFigure;

static double figure(const Round *r, RoundFigure which) {
    double speed = (double)r->result.tokens / (r->result.ms * 1e-3);
    double share = speed / (r->result.bf16 ? r->machine.bf16 : r->machine.fp32);
    const double of[FIGURES] = {speed,
                                share * r->result.flops_nominal,
                                share * r->result.flops_executed,
                                r->machine.fp32,
                                r->machine.bf16,
                                r->machine.bytes};
    return of[which];
}

/* ---- what the rounds come to ---- */

static Spread spread(const Round *round, int n, RoundFigure which) {
    double x[n];
    for (int i = 0; i < n; i++) x[i] = figure(&round[i], which);
    double median = quantile_of(x, n, 0.5); /* sorts */
    return (Spread){median, x[0], x[n - 1]};
}

static int by_speed(const void *a, const void *b) {
    double x = figure(a, SPEED), y = figure(b, SPEED);
    return (x > y) - (x < y);
}

static void summarise(Entry *x, Round *round, int n) {
    x->speed = spread(round, n, SPEED);
    x->nominal = spread(round, n, NOMINAL);
    x->executed = spread(round, n, EXECUTED);
    qsort(round, (size_t)n, sizeof *round, by_speed);
    const Round *median = &round[n / 2];
    x->machine = median->machine;
    x->result = median->result;
    for (int i = 0; i < n; i++)
        if (round[i].result.memory > x->result.memory) x->result.memory = round[i].result.memory;
}

/* Sums up the machine, from the rounds of any configuration: all met the same one. */
static void summarise_machine(Bench *b, const Round *round) {
    b->machine = round->machine;
    b->machine.fp32 = spread(round, b->rounds, FP32).median;
    b->machine.bf16 = spread(round, b->rounds, BF16).median;
    b->machine.bytes = spread(round, b->rounds, BYTES).median;
}

static bool take_round(Bench *b, int number, int steps, void (*say)(const char *line), Round *round,
                       Error *e) {
    BenchMachine machine;
    char line[640];
    if (!bench_machine(&machine, e)) return false;
    for (int i = 0; i < b->n; i++) {
        snprintf(line, sizeof line, "round %d of %d: %s", number + 1, b->rounds, b->of[i].name);
        if (say) say(line);
        Round *to = &round[i * b->rounds + number];
        to->machine = machine;
        if (!bench_config(&b->of[i].c, steps, &to->result, e)) return false;
    }
    return true;
}

bool rounds_measure(Bench *b, int steps, void (*say)(const char *line), Error *e) {
    Round *round = calloc((size_t)(b->n * b->rounds), sizeof *round);
    bool ok = round || fail(e, EXIT_FAILED, "bench: out of memory");
    for (int i = 0; ok && i < b->rounds; i++) ok = take_round(b, i, steps, say, round, e);
    if (ok) summarise_machine(b, round);
    for (int i = 0; ok && i < b->n; i++) summarise(&b->of[i], round + i * b->rounds, b->rounds);
    free(round);
    return ok;
}
