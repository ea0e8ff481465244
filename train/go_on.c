#include "train/go_on.h"

#include "train/checkpoint/checkpoint.h"
#include "train/optim/schedule.h"
#include "train/when_due.h"

#include <stdlib.h>
#include <string.h>

/* ---- of the same start ---- */

/* Whether the earlier run, of configuration d, is c but for how long it is and how often it is looked at; its
 * own key must be that of its configuration, or other numerics have made it. */
static bool begins_as(const DoneRun *run, Config *d, const Config *c, const char *key, const char *corpus,
                      const char *tokenizer) {
    char now[33];
    Error ignored = {0};
    if (!config_parse(d, run->config, strlen(run->config), "results", &ignored)) return false;
    config_key(d, corpus, tokenizer, now);
    if (strcmp(now, run->key)) return false;
    Config same = *d;
    same.train.steps = c->train.steps;
    same.probe.every = c->probe.every;
    same.probe.gradients = c->probe.gradients;
    same.probe.map_times = c->probe.map_times;
    config_key(&same, corpus, tokenizer, now);
    return !strcmp(now, key);
}

/* ---- up to where ---- */

static int probes(const Config *c, int64_t step) {
    return when_due_probe(step, c->train.steps, c->probe.every);
}

static bool gradients(const Config *c, int64_t step) {
    return when_due_gradients(step, c->train.steps, c->probe.gradients);
}

static double rate(const Config *c, int64_t step) {
    return schedule_lr(&c->optim, step, c->train.steps);
}

/* The last step up to which an update is the same in both runs. */
static int64_t same_rates(const Config *d, const Config *c) {
    int64_t step = 0;
    while (step < d->train.steps && rate(d, step + 1) == rate(c, step + 1)) step++;
    return step;
}

/* Whether both look at the same steps before `step`, and the longer one misses nothing at it. */
static bool same_looks(const Config *d, const Config *c, int64_t step) {
    if (probes(d, 0) != probes(c, 0) || (gradients(c, step) && !gradients(d, step))) return false;
    for (int64_t t = 1; t < step; t++)
        if (probes(d, t) != probes(c, t) || gradients(d, t) != gradients(c, t)) return false;
    return true;
}

static void settle(Earlier *out, const Config *d, const Config *c, const char *folder, const char *kernels,
                   Error *e) {
    char schedule[32];
    int64_t most = same_rates(d, c);
    config_get(c, "optim.schedule", schedule, sizeof schedule);
    int64_t step = checkpoint_whole(folder, most, out->path, e);
    if (strcmp(out->run.kernels, kernels))
        snprintf(out->why, sizeof out->why, "it was trained under the kernels %s", out->run.kernels);
    else if (!step)
        snprintf(out->why, sizeof out->why,
                 "optim.schedule: %s has the same rates up to step %lld, and no whole checkpoint is kept "
                 "from there",
                 schedule, (long long)most);
    else if (!same_looks(d, c, step))
        snprintf(out->why, sizeof out->why,
                 "it was looked at after other steps (here probe.every=%lld probe.gradients=%lld go with it)",
                 (long long)when_due_light_every(d->train.steps, d->probe.every),
                 (long long)when_due_gradients_every(d->train.steps, d->probe.gradients));
    else
        out->step = step;
}

bool go_on_find(Store *s, const Config *c, const char *key, const char *corpus, const char *tokenizer,
                const char *kernels, Earlier *out, Error *e) {
    DoneRun *runs;
    int n;
    *out = (Earlier){.run.id = -1};
    if (!store_done_runs(s, corpus, tokenizer, c->train.steps, &runs, &n, e)) return false;
    Config *d = malloc(sizeof *d);
    bool ok = d || fail(e, EXIT_FAILED, "run: out of memory");
    for (int i = 0; ok && i < n && !out->step; i++) {
        char folder[1024];
        if (!begins_as(&runs[i], d, c, key, corpus, tokenizer)) continue;
        out->run = runs[i];
        ok = store_folder(s, runs[i].key, folder, e);
        if (ok) settle(out, d, c, folder, kernels, e);
        ok = ok && !e->code;
    }
    free(d);
    store_done_runs_free(runs, n);
    out->run.config = NULL;
    return ok;
}

bool go_on_take(Store *s, const Earlier *from, const Config *c, int64_t run, Model *m, OptimState *o,
                Error *e) {
    return checkpoint_load_whole(from->path, from->run.key, from->step, m, o, e) &&
           store_take_rows(s, from->run.id, run, from->step, gradients(c, from->step), e);
}
