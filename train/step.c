#include "train/step.h"

#include "model/kernels/gemm_bf16.h"
#include "model/kernels/peak.h"
#include "train/context_schedule.h"
#include "train/optim/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS_IN_FLIGHT = 1024 }; /* what keeps a layer's activations in the last-level cache */

int trainer_rows_in_flight(const Config *c, int T) {
    int rows = (int)(c->train.batch_tokens / T), chunk = model_chunk_rows(T);
    if (config_routes(&c->model))
        chunk *= model_chunk_rows(config_routed_tokens(&c->model, T)); /* and theirs */
    int64_t wanted = c->train.micro_rows ? c->train.micro_rows : TOKENS_IN_FLIGHT / T;
    int64_t whole = (wanted + chunk - 1) / chunk * chunk; /* sums are cut at chunks */
    /* A tied matrix gets sums from both ends of the pass: one chunk at a time keeps their order. */
    if (whole < chunk || c->model.tie) whole = chunk;
    return whole < rows ? (int)whole : rows;
}

bool trainer_in_bf16(const Config *c) {
    return c->train.precision == PRECISION_BF16 && gemm_bf16_supported();
}

double trainer_peak(const Config *c, int threads) {
    return trainer_in_bf16(c) ? gemm_bf16_peak(threads) : peak_flops(threads);
}

bool trainer_tape(Tape **out, const Config *c, const Model *m, int rows, int T, Error *e) {
    return tape_create(out, m, rows, T, true, e) && (!trainer_in_bf16(c) || tape_bf16(*out, m, e));
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

bool trainer_create(Trainer *t, const Config *c, Error *e) {
    size_t n = (size_t)c->train.batch_tokens;
    *t = (Trainer){.c = c};
    if (!model_create(&t->model, &c->model, true, e) || !trainer_enter(t, 1, e) || !create_wide(t, e) ||
        !optim_create(&t->optim, &c->optim, t->model, config_seed(c, SEED_INIT), e) ||
        !step_tensors_create(&t->tensors, t->model, e))
        return false;
    t->grads = model_arena(t->model);
    t->rows = (Rows){calloc(n, 4), calloc(n, 4), calloc(n, 4), NULL};
    if (t->grads && t->rows.x && t->rows.y && t->rows.doc_start) return true;
    return fail(e, EXIT_FAILED, "run: out of memory");
}

static double tape_size(const Config *c, const Model *m, int T) {
    int rows = trainer_rows_in_flight(c, T);
    return (double)tape_bytes(m, rows, T, true) +
           (trainer_in_bf16(c) ? (double)tape_bf16_bytes(m, rows, T, true) : 0);
}

double trainer_bytes(const Config *c, const Model *m) {
    int T = (int)c->model.context;
    double weights = 2 * (double)m->arena * sizeof(float) + optim_room(&c->optim, m) + step_tensors_bytes(m);
    return weights + tape_size(c, m, T) * (contexts_count(c) > 1 ? 2 : 1);
}

void trainer_free(Trainer *t) {
    step_head_free(t->heads);
    cells_free(&t->layers);
    step_tensors_free(&t->tensors);
    free(t->rows.x);
    free(t->rows.y);
    free(t->rows.doc_start);
    free(t->grads);
    optim_free(&t->optim);
    tape_free(t->tape);
    tape_free(t->wide);
    model_free(t->model);
}

/* Targets before train.loss_from are not scored. */
static void drop_early_targets(Trainer *t) {
    for (int64_t i = 0; i < t->c->train.batch_tokens; i++)
        if (i % t->T < t->c->train.loss_from) t->rows.y[i] = -1;
}

static int64_t scored_targets(const Trainer *t) {
    int64_t n = 0;
    for (int64_t i = 0; i < t->c->train.batch_tokens; i++) n += t->rows.y[i] >= 0;
    return n;
}

/* Loss and gradients of a step's rows, a few rows in flight at a time, in row order. */
static double accumulate(Trainer *t) {
    int64_t scored = scored_targets(t);
    Observer watch[2];
    int n = 0;
    if (t->heads) watch[n++] = step_head_observer(t->heads);
    if (t->gradients) watch[n++] = step_layer_observer(&t->layers);
    double sum = 0;
    tape_observe(t->tape, (Observers){watch, n});
    tape_time(t->tape, t->phases);
    memset(t->grads, 0, t->model->arena * sizeof *t->grads);
    phase_end(t->phases, PHASE_OTHER, (Work){0, 0});
    tape_pack(t->tape, t->model, t->phases);
    for (int row = 0; row < t->rows_per_step; row += t->micro_rows) {
        int rows = t->rows_per_step - row < t->micro_rows ? t->rows_per_step - row : t->micro_rows;
        int64_t at = (int64_t)row * t->T;
        Batch b = {rows, t->T, t->rows.x + at, t->rows.y + at, t->rows.doc_start + at, row};
        model_train(t->model, t->tape, &b, 1.0f / (float)scored, t->grads);
        const float *losses = tape_losses(t->tape);
        for (int64_t i = 0; i < (int64_t)rows * t->T; i++) sum += losses[i];
    }
    tape_observe(t->tape, (Observers){NULL, 0});
    tape_time(t->tape, NULL);
    return sum / (double)scored;
}

StepFigures trainer_step(Trainer *t, int64_t step) {
    drop_early_targets(t);
    StepFigures f = {.loss = accumulate(t), .lr = schedule_lr(&t->c->optim, step, t->c->train.steps)};
    if (t->exchange.average) t->exchange.average(t->exchange.self, t->grads, (int64_t)t->model->arena);
    phase_end(t->phases, PHASE_OTHER, (Work){0, 0});
    t->optim.watch = t->gradients ? &t->tensors.watch : NULL;
    f.grad_norm = optim_update(&t->optim, &t->c->optim, t->model, t->grads, step, f.lr);
    phase_end(t->phases, PHASE_OPTIMISER, optim_work(&t->optim, t->model));
    return f;
}
