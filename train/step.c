#include "train/step.h"

#include "model/kernels/gemm.h"
#include "model/kernels/gemm_bf16.h"
#include "model/kernels/peak.h"
#include "model/slots.h"
#include "train/context_schedule.h"
#include "train/host.h"
#include "train/optim/schedule.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS_IN_FLIGHT = 1024, TOKENS_A_THREAD = 256 };

/* What keeps a layer's activations in the last-level cache and every thread busy; the same on any machine
 * where the bits depend on it. */
static int64_t tokens_in_flight(const ModelConfig *c) {
    int64_t wide = (int64_t)TOKENS_A_THREAD * omp_get_max_threads();
    bool bits = attention_slots[c->attention].token || c->interventions.n;
    return bits || wide < TOKENS_IN_FLIGHT ? TOKENS_IN_FLIGHT : wide;
}

int trainer_rows_in_flight(const Config *c, int T) {
    int rows = (int)(c->train.batch_tokens / T / c->train.shares), chunk = model_chunk_rows(T);
    if (config_routes(&c->model))
        chunk *= model_chunk_rows(config_routed_tokens(&c->model, T)); /* and theirs */
    int64_t wanted = c->train.micro_rows ? c->train.micro_rows : tokens_in_flight(&c->model) / T;
    int64_t whole = (wanted + chunk - 1) / chunk * chunk; /* sums are cut at chunks */
    /* A tied matrix gets sums from both ends of the pass: one chunk at a time keeps their order. */
    if (whole < chunk || c->model.tie) whole = chunk;
    return whole < rows ? (int)whole : rows;
}

bool trainer_in_bf16(const Config *c) {
    return c->train.precision == PRECISION_BF16 && gemm_bf16_supported();
}

void trainer_kernels(const Config *c, char out[64]) {
    bool bf16 = trainer_in_bf16(c);
    snprintf(out, 64, "%s%s%s%s", gemm_start(), bf16 ? "+" : "", bf16 ? gemm_bf16_name() : "", host_target());
}

double trainer_peak(const Config *c, int threads) {
    return trainer_in_bf16(c) ? gemm_bf16_peak(threads) : peak_flops(threads);
}

bool trainer_tape(Tape **out, const Config *c, const Model *m, int rows, int T, Error *e) {
    return tape_create(out, m, rows, T, true, e) && (!trainer_in_bf16(c) || tape_bf16(*out, m, e));
}

bool trainer_tape_under(Tape **out, const Config *c, Model *m, const List *more, int rows, int T, Error *e) {
    List *list = &m->config.interventions, own = *list;
    for (int i = 0; i < more->n; i++) strcpy(list->item[list->n++], more->item[i]);
    bool ok = trainer_tape(out, c, m, rows, T, e);
    *list = own;
    return ok;
}

/* Enters the context of `step`. batch_tokens stays the same: rows get longer and fewer. */
bool trainer_enter(Trainer *t, int64_t step, Error *e) {
    const Config *c = t->c;
    int T = contexts_at(c, step);
    if (t->T == T) return true;
    tape_free(t->tape);
    step_head_free(t->heads);
    cells_free(&t->layers);
    t->tape = NULL;
    t->T = T;
    t->rows_per_step = (int)(c->train.batch_tokens / T);
    t->micro_rows = trainer_rows_in_flight(c, T);
    t->heads = step_head_create(t->rows_per_step, T, (int)c->model.layers, (int)c->model.heads,
                                visible_of(&c->model));
    if (!t->heads) return fail(e, EXIT_FAILED, "run: out of memory");
    t->layers = step_layer_cells(t->model, t->rows_per_step);
    SinkPenalty penalty = {c->train.sink_penalty, c->train.sink_target, 1.0 / t->rows_per_step,
                           c->train.gate_balance};
    return trainer_tape(&t->tape, c, t->model, t->micro_rows, T, e) &&
           (!penalises(penalty) || tape_penalise(t->tape, t->model, penalty, e));
}

Tape *trainer_probe_tape(const Trainer *t) {
    Tape *tape = t->wide ? t->wide : t->tape;
    tape_pack(tape, t->model, NULL);
    return tape;
}

static bool create_wide(Trainer *t, Error *e) {
    int T = (int)t->c->model.context;
    return contexts_count(t->c) == 1 ||
           trainer_tape(&t->wide, t->c, t->model, trainer_rows_in_flight(t->c, T), T, e);
}

/* Shares that one of `processes` has. */
static int shares_of_each(const Config *c, int processes) {
    return (int)c->train.shares / processes;
}

static int processes_of(const Trainer *t) {
    return t->processes ? t->processes->size : 1;
}

static int rank_of(const Trainer *t) {
    return t->processes ? t->processes->rank : 0;
}

static bool create_grads(Trainer *t, Error *e) {
    bool ok = (t->grads = model_arena(t->model));
    for (int k = 0; ok && 1 << (k + 1) <= shares_of_each(t->c, processes_of(t)); k++)
        ok = (t->pair[k] = model_arena(t->model));
    return ok ||
           fail(e, EXIT_FAILED, "run: no memory for %.1f MB of gradients", (double)t->model->arena * 4e-6);
}

bool trainer_create(Trainer *t, const Config *c, Processes *processes, Error *e) {
    size_t n = (size_t)c->train.batch_tokens;
    *t = (Trainer){.c = c, .processes = processes};
    if (!model_create(&t->model, &c->model, true, e) || !trainer_enter(t, 1, e) || !create_wide(t, e) ||
        !optim_create(&t->optim, &c->optim, t->model, config_seed(c, SEED_INIT), processes, e) ||
        !step_tensors_create(&t->tensors, t->model, e) || !create_grads(t, e))
        return false;
    t->rows = (Rows){calloc(n, 4), calloc(n, 4), calloc(n, 4), NULL};
    if (t->rows.x && t->rows.y && t->rows.doc_start) return true;
    return fail(e, EXIT_FAILED, "run: out of memory");
}

double trainer_tape_bytes(const Config *c, const Model *m, int rows, int T) {
    return (double)tape_bytes(m, rows, T, true) +
           (trainer_in_bf16(c) ? (double)tape_bf16_bytes(m, rows, T, true) : 0);
}

double trainer_bytes(const Config *c, const Model *m, int processes) {
    int T = (int)c->model.context, arenas = 2;
    for (int shares = shares_of_each(c, processes); shares > 1; shares /= 2) arenas++;
    double weights =
        arenas * (double)m->arena * sizeof(float) + optim_room(&c->optim, m) + step_tensors_bytes(m);
    return weights +
           trainer_tape_bytes(c, m, trainer_rows_in_flight(c, T), T) * (contexts_count(c) > 1 ? 2 : 1);
}

void trainer_free(Trainer *t) {
    step_head_free(t->heads);
    cells_free(&t->layers);
    step_tensors_free(&t->tensors);
    free(t->rows.x);
    free(t->rows.y);
    free(t->rows.doc_start);
    free(t->grads);
    for (int k = 0; k < PAIRS; k++) free(t->pair[k]);
    optim_free(&t->optim);
    tape_free(t->tape);
    tape_free(t->wide);
    model_free(t->model);
}

/* ---- a step ---- */

OwnRows trainer_rows(const Trainer *t) {
    int n = t->rows_per_step / processes_of(t), first = rank_of(t) * n;
    int64_t at = (int64_t)first * t->T;
    return (OwnRows){first, n, {t->rows.x + at, t->rows.y + at, t->rows.doc_start + at, NULL}};
}

/* Targets before train.loss_from are not scored. Returns how many are, of all processes. */
static int64_t count_scored(Trainer *t) {
    OwnRows own = trainer_rows(t);
    int64_t scored[processes_of(t)], all = 0, *mine = &scored[rank_of(t)];
    memset(scored, 0, sizeof scored);
    for (int64_t i = 0; i < (int64_t)own.n * t->T; i++) {
        if (i % t->T < t->c->train.loss_from) own.at.y[i] = -1;
        *mine += own.at.y[i] >= 0;
    }
    if (t->processes) processes_gather(t->processes, scored, sizeof *scored);
    for (int i = 0; i < processes_of(t); i++) all += scored[i];
    return all;
}

/* Losses and gradients of one share of the step's rows, a few rows in flight at a time, in row order. */
static double take_share(Trainer *t, int share, int64_t scored) {
    int n = t->rows_per_step / (int)t->c->train.shares, first = share * n;
    double sum = 0;
    memset(t->grads, 0, t->model->arena * sizeof *t->grads);
    phase_end(t->phases, PHASE_OTHER, (Work){0, 0});
    for (int row = first; row < first + n; row += t->micro_rows) {
        int rows = first + n - row < t->micro_rows ? first + n - row : t->micro_rows;
        int64_t at = (int64_t)row * t->T;
        Batch b = {rows, t->T, t->rows.x + at, t->rows.y + at, t->rows.doc_start + at, row};
        model_train(t->model, t->tape, &b, 1.0f / (float)scored, t->grads);
        const float *losses = tape_losses(t->tape);
        for (int64_t i = 0; i < (int64_t)rows * t->T; i++) sum += losses[i];
    }
    return sum;
}

/* The gradients of this process's share number `i` (from 0) join those before it as 1 joins a binary number:
 * two sums over 2^k shares make one over 2^(k + 1). After the last, t->grads is the sum over its shares. */
static void join_shares(Trainer *t, int i, bool last) {
    int k = 0;
    for (; i >> k & 1; k++) {
        const float *before = t->pair[k];
#pragma omp parallel for simd schedule(static)
        for (size_t j = 0; j < t->model->arena; j++) t->grads[j] += before[j];
    }
    if (last) return;
    float *room = t->pair[k];
    t->pair[k] = t->grads;
    t->grads = room;
}

static void gather_rows(Trainer *t, double *of_rows, size_t a_row) {
    processes_gather(t->processes, of_rows, (size_t)trainer_rows(t).n * a_row * sizeof *of_rows);
}

/* What each process knows of its own shares and rows, all know. */
static void exchange(Trainer *t, double *loss, int shares) {
    const Cells *layers = &t->layers;
    double *heads[2];
    size_t a_row;
    processes_gather(t->processes, loss, (size_t)shares * sizeof *loss);
    if (t->heads) step_head_rows(t->heads, heads, &a_row);
    for (int i = 0; t->heads && i < 2; i++) gather_rows(t, heads[i], a_row);
    if (t->gradients) gather_rows(t, layers->at, (size_t)(layers->layers * layers->heads * layers->width));
}

/* The loss of a step's rows, and the gradients of this process's. */
static double accumulate(Trainer *t) {
    int64_t scored = count_scored(t);
    int shares = shares_of_each(t->c, processes_of(t)), first = rank_of(t) * shares;
    double loss[t->c->train.shares], sum = 0;
    Observer watch[2];
    int n = 0;
    memset(loss, 0, sizeof loss);
    if (t->heads) watch[n++] = step_head_observer(t->heads);
    if (t->gradients) watch[n++] = step_layer_observer(&t->layers);
    tape_observe(t->tape, (Observers){watch, n});
    tape_time(t->tape, t->phases);
    phase_end(t->phases, PHASE_OTHER, (Work){0, 0});
    tape_pack(t->tape, t->model, t->phases);
    for (int i = 0; i < shares; i++) {
        loss[first + i] = take_share(t, first + i, scored);
        join_shares(t, i, i == shares - 1);
    }
    tape_observe(t->tape, (Observers){NULL, 0});
    tape_time(t->tape, NULL);
    if (t->processes) exchange(t, loss, shares);
    for (int i = 0; i < t->c->train.shares; i++) sum += loss[i];
    return sum / (double)scored;
}

StepFigures trainer_step(Trainer *t, int64_t step) {
    StepFigures f = {.loss = accumulate(t), .lr = schedule_lr(&t->c->optim, step, t->c->train.steps)};
    phase_end(t->phases, PHASE_OTHER, (Work){0, 0});
    t->optim.watch = t->gradients ? &t->tensors.watch : NULL;
    f.grad_norm = optim_update(&t->optim, &t->c->optim, t->model, t->grads, step, f.lr);
    if (t->gradients) step_tensors_take(&t->tensors, &t->optim.parts);
    phase_end(t->phases, PHASE_OPTIMISER, optim_work(&t->optim));
    return f;
}
