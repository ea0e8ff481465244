#include "train/cost.h"

#include "data/data.h"
#include "model/instruments/instrument.h"
#include "model/instruments/stats.h"
#include "train/bench.h"
#include "train/evaluate.h"
#include "train/evaluate_under.h"
#include "train/step.h"
#include "train/when_due.h"

#include <omp.h>
#include <stdlib.h>

/* Steps with nothing, with step_head in the pass, with its rows written too, with all that probe.gradients
 * adds. */
typedef enum Kind { OFF, HEADS, ROWS, GRADIENTS, KINDS } Kind;

enum { EARLY = 1 }; /* the step that evaluations are filed under, but for the last */

/* A run that is stepped and evaluated as a real one, into a database that nobody keeps. */
typedef struct Rig {
    Config c;
    BenchRun *run;
    Dataset *data;
    Evaluator *probes;
    ScratchStore scratch;
} Rig;

static bool open_rig(Rig *r, const Config *c, const char *cache, Error *e) {
    r->c = *c;
    if (!dataset_open(&r->data, &c->data, cache, NULL, e)) return false;
    r->c.data.vocab = r->c.model.vocab = dataset_info(r->data)->vocab;
    return bench_open(&r->run, &r->c, e) &&
           evaluator_create(&r->probes, &r->c, r->data, bench_trainer(r->run)->model,
                            bench_trainer(r->run)->grads, e) &&
           scratch_open(&r->scratch, &r->c, e);
}

static void close_rig(Rig *r) {
    evaluator_free(r->probes);
    bench_close(r->run);
    scratch_close(&r->scratch);
    if (r->data) dataset_close(r->data);
}

static bool step(Rig *r, Kind kind, double *ms, Error *e) {
    double start = omp_get_wtime();
    bench_trainer(r->run)->gradients = kind == GRADIENTS;
    bench_step(r->run, kind != OFF, NULL);
    bool ok = kind < ROWS || bench_write(r->run, &r->scratch, e);
    *ms = (omp_get_wtime() - start) * 1e3;
    return ok;
}

/* Medians of the kinds; they take turns, so that a machine that slows down slows all of them. */
static bool time_steps(Rig *r, int rounds, double median[KINDS], Error *e) {
    double *ms = calloc((size_t)rounds * KINDS, sizeof *ms);
    bool ok = ms || fail(e, EXIT_FAILED, "bench: out of memory");
    for (int i = 0; ok && i < rounds * KINDS; i++)
        ok = step(r, (Kind)(i % KINDS), &ms[i % KINDS * rounds + i / KINDS], e);
    for (int kind = 0; ok && kind < KINDS; kind++)
        median[kind] = quantile_of(ms + kind * rounds, rounds, 0.5);
    free(ms);
    return ok;
}

/* The quickest of two, since the first touches memory. */
static bool time_evaluation(Rig *r, int set, int64_t at, double *ms, Error *e) {
    double rate;
    for (int i = 0; i < 2; i++) {
        double start = omp_get_wtime();
        if (!evaluate(r->probes, trainer_probe_tape(bench_trainer(r->run)), r->scratch.store, r->scratch.run,
                      at, set, &rate, e) ||
            (set & HEAVY && !evaluate_under(r->probes, &r->c, bench_trainer(r->run)->model, r->scratch.store,
                                            r->scratch.run, at, set, e)))
            return false;
        double took = (omp_get_wtime() - start) * 1e3;
        *ms = i && took > *ms ? *ms : took;
    }
    return true;
}

static bool time_maps(Rig *r, double *ms, Error *e) {
    double start = omp_get_wtime();
    bool ok = evaluate_maps(r->probes, trainer_probe_tape(bench_trainer(r->run)), r->scratch.store,
                            r->scratch.run, EARLY, e);
    *ms = (omp_get_wtime() - start) * 1e3;
    return ok;
}

static bool time_probes(Rig *r, Cost *out, Error *e) {
    int64_t steps = r->c.train.steps;
    return time_evaluation(r, LIGHT, EARLY, &out->light_ms, e) &&
           time_evaluation(r, LIGHT | HEAVY, EARLY, &out->heavy_ms, e) &&
           time_evaluation(r, LIGHT | HEAVY, steps, &out->last_ms, e) && time_maps(r, &out->maps_ms, e);
}

static void add_up(const Config *c, Cost *out) {
    int64_t steps = c->train.steps;
    for (int64_t s = 0; s < steps; s++) {
        int set = when_due_probe(s, steps, c->probe.every);
        if (set) set &HEAVY ? out->heavies++ : out->lights++;
        out->maps += when_due_map(s, steps, c->probe.map_times);
    }
    out->maps++;
    double looks = 0;
    for (int64_t s = 1; s <= steps; s++) looks += when_due_gradients(s, steps, c->probe.gradients);
    out->gradients *= looks / (double)steps;
    double ms =
        out->lights * out->light_ms + out->heavies * out->heavy_ms + out->last_ms + out->maps * out->maps_ms;
    out->probes = ms / ((double)steps * out->step_ms);
}

bool cost_measure(const Config *c, const char *cache, int rounds, Cost *out, Error *e) {
    Rig r = {0};
    double ms[KINDS];
    bool ok = open_rig(&r, c, cache, e) && time_steps(&r, rounds, ms, e);
    if (ok) {
        *out = (Cost){.step_ms = ms[OFF],
                      .heads = ms[HEADS] / ms[OFF] - 1,
                      .rows = (ms[ROWS] - ms[HEADS]) / ms[OFF],
                      .gradients = (ms[GRADIENTS] - ms[ROWS]) / ms[OFF]};
        ok = time_probes(&r, out, e);
    }
    if (ok) add_up(&r.c, out);
    close_rig(&r);
    return ok;
}
