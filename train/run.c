#include "train/run.h"

#include "data/base/files.h"
#include "data/data.h"
#include "model/interventions/intervention.h"
#include "model/kernels/gemm.h"
#include "model/kernels/gemm_bf16.h"
#include "model/kernels/peak.h"
#include "model/useful_threads.h"
#include "train/checkpoint/checkpoint.h"
#include "train/evaluate.h"
#include "train/evaluate_under.h"
#include "train/go_on.h"
#include "train/host.h"
#include "train/optim/schedule.h"
#include "train/other_work.h"
#include "train/progress.h"
#include "train/signals.h"
#include "train/step.h"
#include "train/store/store.h"
#include "train/store_gradients.h"
#include "train/team.h"
#include "train/when_due.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Everything a run holds. */
typedef struct Run {
    Config c;
    const RunOptions *o;
    Dataset *data;
    Trainer step;
    Evaluator *probes;
    double *first_mass, *value_ratio; /* [layers][heads] */
    Store *store;
    Claim claim;
    const char *left; /* status that a failure leaves behind; NULL: it is written already */
    char key[33];
    char checkpoint[1024]; /* the newest one's folder, or "" */
    Earlier earlier;       /* run of fewer steps that this one began from, or cannot */
    const char *settled;   /* what is not trained as asked for; NULL: all is */
    char blas_arch[64];    /* trainer_kernels */
    int threads;
    OtherWork others; /* on this machine */
    bool told_threads;
    double sink_rate;
    Progress progress;
} Run;

/* ---- sizes ---- */

bool run_size(const Config *c, int64_t vocab, int processes, RunSize *out, Error *e) {
    Model *m;
    ModelConfig shape = c->model;
    shape.vocab = vocab;
    if (!model_create(&m, &shape, false, e)) return false;
    int T = (int)c->model.context;
    *out = (RunSize){m->parameters, model_flops_per_token(m, T),
                     trainer_bytes(c, m, processes) + evaluate_under_bytes(c, m),
                     useful_threads(m, trainer_rows_in_flight(c, T), T, trainer_in_bf16(c))};
    model_free(m);
    return true;
}

/* A mean over the rows in flight is no mean where there is one: the longest rows are the fewest. */
static bool changes_something(const Config *c, const ModelConfig *shape, Error *e) {
    Changes changes;
    int T = (int)shape->context;
    if (!changes_read(shape, T, &changes, e)) return false;
    for (int i = 0; i < changes.n; i++)
        if (intervention_of_batch(&changes.at[i]) && trainer_rows_in_flight(c, T) == 1)
            return fail(e, EXIT_USAGE,
                        "model.interventions: %s is over a mean of rows, and one row of %d is in flight",
                        changes.at[i].kind->name, T);
    return true;
}

bool run_init_hash(Config *c, Error *e) {
    char hash[sizeof c->train.init_hash];
    if (!*c->train.init_from) return true;
    if (!checkpoint_hash(c->train.init_from, hash, e)) return false;
    if (*c->train.init_hash && strcmp(c->train.init_hash, hash))
        return fail(e, EXIT_USAGE, "train.init_hash: %s: the weights at train.init_from, %s, have %s",
                    c->train.init_hash, c->train.init_from, hash);
    strcpy(c->train.init_hash, hash);
    return true;
}

bool run_check(const Config *c, int64_t vocab, Error *e) {
    Model *m;
    ModelConfig shape = c->model;
    shape.vocab = vocab;
    if (!changes_something(c, &shape, e) || !evaluate_under_check(c, &shape, e)) return false;
    if (!*c->train.init_from) return true;
    if (!model_create(&m, &shape, false, e)) return false;
    bool ok = checkpoint_fits_model(c->train.init_from, m, e);
    model_free(m);
    return ok;
}

static bool fits_memory(const Run *r, const RunSize *size, Error *e) {
    bool limited;
    double have = host_memory(&limited);
    if (size->bytes <= have) return true;
    return fail(e, EXIT_USAGE,
                "model: %.1f M parameters: the run needs %.1f GB, %s %.1f GB "
                "(lower model.width, model.layers, data.vocab or train.micro_rows%s)",
                (double)size->parameters * 1e-6, size->bytes * 1e-9,
                limited ? "its container allows" : "this machine has", have * 1e-9,
                r->c.train.micro_rows ? "" : ", now automatic");
}

/* ---- opening ---- */

static bool open_data(Run *r, Error *e) {
    Config *c = &r->c;
    if (!dataset_open(&r->data, &c->data, r->o->cache, r->o->quiet ? NULL : progress_line, e)) return false;
    const DatasetInfo *info = dataset_info(r->data);
    c->model.vocab = info->vocab;
    config_key(c, info->corpus_hash, info->tokenizer_hash, r->key);
    if (*c->train.init_from && !checkpoint_fits_data(c->train.init_from, info, e)) return false;
    return dataset_check(r->data, (int)c->model.context, c->train.batch_tokens / c->model.context, e);
}

static bool claim(Run *r, const RunSize *size, Error *e) {
    const DatasetInfo *info = dataset_info(r->data);
    char host[128], cpu[128], *json = config_json(&r->c, true);
    host_name(host, sizeof host);
    host_cpu(cpu, sizeof cpu);
    RunIdentity id = {.key = r->key,
                      .variant = r->c.variant,
                      .label = r->c.label,
                      .seed = r->c.seed,
                      .config = json,
                      .host = host,
                      .cpu = cpu,
                      .blas_arch = r->blas_arch,
                      .git = host_git(),
                      .corpus = r->c.data.source,
                      .licence = info->licence,
                      .corpus_hash = info->corpus_hash,
                      .tokenizer_hash = info->tokenizer_hash,
                      .threads = r->threads,
                      .steps = r->c.train.steps,
                      .parameters = size->parameters,
                      .flops_per_token = size->flops_per_token,
                      .same_kernels = r->c.run.same_kernels};
    bool ok = store_claim(r->store, &id, r->o->again, r->o->retry, &r->claim, e);
    free(json);
    return ok;
}

static bool allocate(Run *r, Error *e) {
    size_t cells = (size_t)(r->c.model.layers * r->c.model.heads);
    if (!trainer_create(&r->step, &r->c, r->o->processes, e)) return false;
    r->first_mass = calloc(cells, sizeof(double));
    r->value_ratio = calloc(cells, sizeof(double));
    return (r->first_mass && r->value_ratio) || fail(e, EXIT_FAILED, "run: out of memory");
}

static void run_close(Run *r) {
    evaluator_free(r->probes);
    trainer_free(&r->step);
    free(r->first_mass);
    free(r->value_ratio);
    if (r->claim.result == CLAIM_TAKEN && r->store) store_release(&r->claim);
    if (r->store) store_close(r->store);
    if (r->data) dataset_close(r->data);
}

/* ---- one step ---- */

static bool diverged(Run *r, const StepRow *row, Error *e) {
    char detail[128];
    snprintf(detail, sizeof detail, "loss %g, gradient norm %g", row->loss, row->grad_norm);
    if (!store_event(r->store, r->claim.run, row->step, "diverged", detail, e) ||
        !store_status(r->store, r->claim.run, "diverged", *r->checkpoint ? r->checkpoint : NULL, e))
        return false;
    r->left = NULL;
    return fail(e, EXIT_FAILED, "run %.8s: step %lld: diverged: %s (lower optim.lr, or look at its events)",
                r->key, (long long)row->step, detail);
}

/* Update number `step`: fills the row but for probe and save times. */
static void train_step(Run *r, int64_t step, StepRow *row) {
    double start = omp_get_wtime();
    Trainer *t = &r->step;
    team_tell_step(r->o->processes, step);
    StepFigures f = team_step(t, r->data, step);
    *row = (StepRow){.step = step,
                     .tokens = step * r->c.train.batch_tokens,
                     .loss = f.loss,
                     .grad_norm = f.grad_norm,
                     .lr = f.lr,
                     .ms = (omp_get_wtime() - start) * 1e3};
    step_head_take(t->heads, r->first_mass, r->value_ratio);
}

/* ---- the loop ---- */

/* Once: the number follows what others do, and the bits are the same for any. */
static void tell_threads(Run *r, int64_t step) {
    char line[128];
    snprintf(line, sizeof line, "step %lld: other work keeps cores busy: %d of %d threads while it does",
             (long long)step, r->others.threads, r->threads);
    progress_say(&r->progress, line);
    r->told_threads = true;
}

static bool probe(Run *r, int64_t step, double *ms, Error *e) {
    int set = when_due_probe(step, r->c.train.steps, r->c.probe.every);
    bool maps = when_due_map(step, r->c.train.steps, r->c.probe.map_times);
    double start = omp_get_wtime();
    Tape *t = set || maps ? trainer_probe_tape(&r->step) : NULL;
    if (set && !evaluate(r->probes, t, r->store, r->claim.run, step, set, &r->sink_rate, e)) return false;
    if (set & HEAVY && !evaluate_under(r->probes, &r->c, r->step.model, r->store, r->claim.run, step, set, e))
        return false;
    if (maps && !evaluate_maps(r->probes, t, r->store, r->claim.run, step, e)) return false;
    *ms = (omp_get_wtime() - start) * 1e3;
    r->progress.sink_rate = r->sink_rate;
    return true;
}

static bool save(Run *r, int64_t step, Error *e) {
    const DatasetInfo *info = dataset_info(r->data);
    Origin from = {r->key, info->corpus_hash, info->tokenizer_hash};
    char path[sizeof r->checkpoint];
    team_collect(&r->step);
    if (!checkpoint_save(r->claim.folder, step, &r->c, &from, r->step.model, &r->step.optim, path, e))
        return false;
    optim_forget(&r->step.optim);
    strcpy(r->checkpoint, path);
    store_checkpoint(r->store, r->checkpoint);
    return true;
}

/* A signal came, or the database is no longer where it was. */
static bool is_stopped(Run *r) {
    return signals_stopped() || !store_in_place(r->store, NULL);
}

/* What was logged is written and synced first: should the machine die, a run that goes on from a checkpoint
 * finds every row up to it. */
static bool save_if_due(Run *r, int64_t step, double *ms, Error *e) {
    int64_t every = when_due_every(r->c.run.checkpoint_every, r->c.train.steps);
    bool branch = step == schedule_branch(&r->c.optim, r->c.train.steps);
    if (!when_due_save(step, r->c.train.steps, every, &r->c.run.keep) && !branch && !is_stopped(r))
        return true;
    double start = omp_get_wtime();
    if (!store_flush(r->store, e) || !store_sync(r->store, e) || !save(r, step, e)) return false;
    *ms = (omp_get_wtime() - start) * 1e3;
    return store_save_ms(r->store, r->claim.run, step, *ms, e);
}

static bool log_step(Run *r, const StepRow *row, Error *e) {
    return store_step(r->store, r->claim.run, row, e) &&
           store_step_head(r->store, r->claim.run, row->step, (int)r->c.model.layers,
                           config_routes(&r->c.model) ? 2 : 1, (int)r->c.model.heads, r->first_mass,
                           r->value_ratio, e) &&
           store_gradients(&r->step, r->store, r->claim.run, row->step, e);
}

/* What a step takes memory for is for all threads; what it is done by are those that other work leaves. */
static bool enter(Run *r, int64_t step, Error *e) {
    omp_set_num_threads(r->threads);
    if (!trainer_enter(&r->step, step, e)) return false;
    omp_set_num_threads(other_work_threads(&r->others));
    if (r->others.threads < r->threads && !r->told_threads) tell_threads(r, step);
    return true;
}

/* Steps from + 1 .. steps. A signal, or a database that is gone, ends it after the step under way, with a
 * checkpoint. */
static bool loop(Run *r, int64_t from, Error *e) {
    double ms;
    if ((from == 0 || from == r->earlier.step) && !probe(r, from, &ms, e)) return false;
    for (int64_t step = from + 1; step <= r->c.train.steps && !is_stopped(r); step++) {
        StepRow row = {0};
        if (!enter(r, step, e)) return false;
        train_step(r, step, &row);
        if (!isfinite(row.loss) || !isfinite(row.grad_norm))
            return log_step(r, &row, e) && diverged(r, &row, e);
        if (!probe(r, step, &row.probe_ms, e)) return false;
        double save_ms = 0;
        if (!log_step(r, &row, e) || !save_if_due(r, step, &save_ms, e)) return false;
        progress_step(&r->progress, step, row.loss, row.ms, row.ms + row.probe_ms + save_ms);
    }
    return true;
}

/* ---- the life of a run ---- */

/* Without AMX some CPUs have half of fp32's rate in bf16. It is trained as asked for. */
static void warn_of_slow_bf16(Run *r, double peak) {
    double fp32 = peak_flops(r->threads);
    char line[192];
    if (peak >= fp32) return;
    snprintf(line, sizeof line,
             "train.precision: bf16: slower than fp32 here (%s: %.0f against %.0f GF/s): trained in bf16, as "
             "asked for",
             gemm_bf16_name(), peak * 1e-9, fp32 * 1e-9);
    progress_say(&r->progress, line);
}

static void tell_start(Run *r, int64_t from) {
    const Earlier *run = &r->earlier;
    char line[320] = "";
    if (from)
        snprintf(line, sizeof line, "going on from step %lld%s%.8s", (long long)from,
                 run->step ? " of run " : "", run->step ? run->run.key : "");
    else if (run->run.id >= 0)
        snprintf(line, sizeof line, "begun anew, not from run %.8s of %lld steps: %s", run->run.key,
                 (long long)run->run.steps, run->why);
    if (*line) progress_say(&r->progress, line);
}

static void announce(Run *r, const RunSize *size, int64_t from) {
    double peak = trainer_peak(&r->c, r->threads);
    char line[256];
    r->progress = (Progress){.steps = r->c.train.steps,
                             .quiet = r->o->quiet,
                             .peak = peak,
                             .every = r->c.run.log_every,
                             .tokens = r->c.train.batch_tokens,
                             .flops = size->flops_per_token * (double)r->c.train.batch_tokens};
    Path log = path_of("%s/log.txt", r->claim.folder);
    progress_start(&r->progress, r->o->name, r->c.variant, r->c.seed, log.s);
    snprintf(line, sizeof line,
             "run %.8s  %s: %.2f M parameters, %d thread%s, BLIS %s, peak %.0f GF/s in %s%s", r->key,
             r->progress.name, (double)size->parameters * 1e-6, r->threads, r->threads > 1 ? "s" : "",
             r->blas_arch, peak * 1e-9, trainer_in_bf16(&r->c) ? "bf16" : "fp32",
             gemm_is_generic(r->blas_arch) ? " -- WARNING: BLIS does not know this CPU, slow" : "");
    progress_say(&r->progress, line);
    if (trainer_in_bf16(&r->c)) warn_of_slow_bf16(r, peak);
    tell_start(r, from);
}

/* The newest checkpoint, for an older one: no figure changes, but somebody's disk may be failing. */
static bool tell_passed(Run *r, const Resumed *from, Error *e) {
    char more[64] = "";
    if (!from->passed.code) return true;
    if (from->aside > 1) snprintf(more, sizeof more, "; so were %d more", from->aside - 1);
    fprintf(stderr, "sinklab: warning: %s%s (going on from step %lld instead)\n", from->passed.text, more,
            (long long)from->step);
    return store_event(r->store, r->claim.run, from->step, "checkpoint", from->passed.text, e);
}

/* The same seed gives the same bits under the same kernels alone. */
static bool tell_kernels(Run *r, const Resumed *from, Error *e) {
    char detail[192];
    if (!from->step || !*r->claim.kernels || !strcmp(r->claim.kernels, r->blas_arch)) return true;
    snprintf(detail, sizeof detail, "%s up to step %lld, %s from there", r->claim.kernels,
             (long long)from->step, r->blas_arch);
    fprintf(stderr, "sinklab: warning: run %.8s: other kernels: %s (its last digits are those of neither)\n",
            r->key, detail);
    return store_event(r->store, r->claim.run, from->step, "kernels", detail, e);
}

/* Where nothing of its own is there, and it is not to be repeated: from a done run of the same start. */
static bool begin_from_earlier(Run *r, Resumed *from, Error *e) {
    const DatasetInfo *info = dataset_info(r->data);
    char detail[96];
    r->earlier = (Earlier){.run.id = -1};
    if (from->step || r->o->again) return true;
    if (!go_on_find(r->store, &r->c, r->key, info->corpus_hash, info->tokenizer_hash, r->blas_arch,
                    &r->earlier, e))
        return false;
    if (!r->earlier.step) return true;
    from->step = r->earlier.step;
    snprintf(detail, sizeof detail, "run %.32s, from its step %lld", r->earlier.run.key,
             (long long)from->step);
    return go_on_take(r->store, &r->earlier, &r->c, r->claim.run, r->step.model, &r->step.optim, e) &&
           store_event(r->store, r->claim.run, from->step, "began", detail, e);
}

/* From random weights, from another run's, or from this run's own newest checkpoint. */
static bool begin(Run *r, Resumed *from, Error *e) {
    int64_t logged;
    model_init(r->step.model, config_seed(&r->c, SEED_INIT));
    if (*r->c.train.init_from && !checkpoint_load_weights(r->c.train.init_from, r->step.model, e))
        return false;
    if (!evaluator_create(&r->probes, &r->c, r->data, r->step.model, r->step.grads, e) ||
        !store_logged(r->store, r->claim.run, &logged, e) ||
        !checkpoint_resume(r->claim.folder, r->key, logged, r->step.model, &r->step.optim, from, e))
        return false;
    strcpy(r->checkpoint, from->path);
    r->left = "interrupted"; /* from here on only the disk or the database can fail it: not its own fault */
    store_checkpoint(r->store, r->checkpoint);
    return store_rewind(r->store, r->claim.run, from->step ? from->step : -1, e) && tell_passed(r, from, e) &&
           tell_kernels(r, from, e) && begin_from_earlier(r, from, e);
}

static int finish(Run *r, Error *e) {
    int stopped = signals_stopped();
    bool here = store_in_place(r->store, NULL);
    progress_end(&r->progress);
    if (!store_status(r->store, r->claim.run, stopped || !here ? "interrupted" : "done",
                      *r->checkpoint ? r->checkpoint : NULL, e))
        return e->code;
    r->left = NULL;
    if (!store_in_place(r->store, e)) return e->code;
    return stopped ? 128 + stopped : EXIT_DONE;
}

static bool train_steps(Run *r, const RunSize *size, Error *e) {
    Resumed from;
    if (!allocate(r, e) || !begin(r, &from, e)) return false;
    signals_watch();
    announce(r, size, from.step);
    team_begin(&r->step, r->key);
    other_work_start(&r->others, r->threads);
    if (r->settled && !store_event(r->store, r->claim.run, from.step, "precision", r->settled, e))
        return false;
    return loop(r, from.step, e);
}

/* Whatever it fails by is said in the database, too: who looks at a sweep's has no other place. */
static int train_claimed(Run *r, const RunSize *size, Error *e) {
    if (train_steps(r, size, e)) return finish(r, e);
    progress_end(&r->progress);
    store_in_place(r->store, e); /* where it is not, that is why */
    if (e->code) {
        Error ignored = {0};
        store_event(r->store, r->claim.run, -1, "error", e->text, &ignored);
    }
    return e->code;
}

/* What a claim that gave us nothing to do means for the caller. */
static int not_taken(const Run *r, Error *e) {
    switch (r->claim.result) {
    case CLAIM_DONE:
        if (!r->o->quiet)
            printf("run %.8s is done already%s%s (--again repeats it)\n", r->key,
                   *r->c.label ? ", and labelled " : "", r->c.label);
        return EXIT_DONE;
    case CLAIM_BUSY:
        fail(e, EXIT_FAILED, "run %.8s: another process is training it", r->key);
        return e->code;
    case CLAIM_REFUSED:
        fail(e, EXIT_FAILED,
             "run %.8s: it was begun under the kernels %s, and here are %s (go on with it there, or without "
             "run.same_kernels)",
             r->key, r->claim.kernels, r->blas_arch);
        return e->code;
    default:
        fail(e, EXIT_FAILED, "run %.8s: it failed or diverged before (--retry tries it again)", r->key);
        return e->code;
    }
}

static int run_opened(Run *r, Error *e) {
    RunSize size;
    r->settled = config_settle(&r->c);
    if (r->settled) fprintf(stderr, "sinklab: %s\n", r->settled); /* figures depend on it: quiet or not */
    int processes = r->o->processes ? r->o->processes->size : 1;
    trainer_kernels(&r->c, r->blas_arch);
    if (!host_threads(r->c.run.threads, &r->threads, e) || !run_init_hash(&r->c, e) || !open_data(r, e) ||
        !run_check(&r->c, r->c.model.vocab, e) || !run_size(&r->c, r->c.model.vocab, processes, &size, e) ||
        !fits_memory(r, &size, e) || !store_open(&r->store, r->o->db, STORE_WRITE, e) || !claim(r, &size, e))
        return e->code;
    if (r->claim.result != CLAIM_TAKEN) return not_taken(r, e);
    r->left =
        "failed"; /* what was refused would be again; what the machine lacks it need not lack for ever */
    int code = train_claimed(r, &size, e);
    if (r->left && code == EXIT_FAILED) r->left = "interrupted";
    if ((code == EXIT_FAILED || code == EXIT_USAGE) && r->left) {
        Error ignored = {0};
        store_status(r->store, r->claim.run, r->left, *r->checkpoint ? r->checkpoint : NULL, &ignored);
    }
    return code;
}

static int follow(const Config *c, const RunOptions *o, Error *e) {
    Config own = *c;
    signals_as_errors();
    run_init_hash(&own, e); /* one that cannot be had is told where the first process has it */
    return team_follow(&own, o->cache, o->processes, e);
}

int run_train(const Config *c, const RunOptions *o, Error *e) {
    if (o->processes && o->processes->rank) return follow(c, o, e);
    Run *r = calloc(1, sizeof *r);
    if (!r) {
        fail(e, EXIT_FAILED, "run: out of memory");
        team_end(o->processes, e->code);
        return e->code;
    }
    r->c = *c;
    r->o = o;
    r->sink_rate = NAN;
    r->claim.result = CLAIM_BUSY;
    signals_as_errors();
    int code = run_opened(r, e);
    team_end(o->processes, code);
    run_close(r);
    free(r);
    return code;
}
