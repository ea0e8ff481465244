#include "train/step.h"

#include "model/gemm_bf16.h"
#include "train/schedule.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS_IN_FLIGHT = 1024 }; /* what keeps a layer's activations in the last-level cache */

int trainer_rows_in_flight(const Config *c) {
    int T = (int)c->model.context, rows = (int)(c->train.batch_tokens / T), grain = model_grain_rows(T);
    int64_t wanted = c->train.micro_rows ? c->train.micro_rows : TOKENS_IN_FLIGHT / T;
    int64_t whole = (wanted + grain - 1) / grain * grain; /* sums are cut at grains */
    /* A tied matrix gets sums from both ends of the pass: one grain at a time keeps their order. */
    if (whole < grain || c->model.tie) whole = grain;
    return whole < rows ? (int)whole : rows;
}

bool trainer_in_bf16(const Config *c) {
    return c->train.precision == PRECISION_BF16 && gemm_bf16_supported();
}

bool trainer_create(Trainer *t, const Config *c, Error *e) {
    size_t n = (size_t)c->train.batch_tokens;
    *t = (Trainer){.c = c,
                   .T = (int)c->model.context,
                   .rows_per_step = (int)(c->train.batch_tokens / c->model.context),
                   .micro_rows = trainer_rows_in_flight(c)};
    if (!model_create(&t->model, &c->model, true, e) ||
        !tape_create(&t->tape, t->model, t->micro_rows, t->T, true, e) ||
        (trainer_in_bf16(c) && !tape_bf16(t->tape, t->model, e)) ||
        !optim_create(&t->optim, &c->optim, t->model, e))
        return false;
    t->grads = model_arena(t->model);
    t->heads = step_head_create(t->rows_per_step, t->T, (int)c->model.layers, (int)c->model.heads);
    t->rows = (Rows){calloc(n, 4), calloc(n, 4), calloc(n, 4), NULL};
    if (t->grads && t->heads && t->rows.x && t->rows.y && t->rows.lo) return true;
    return fail(e, EXIT_FAILED, "run: out of memory");
}

void trainer_free(Trainer *t) {
    step_head_free(t->heads);
    free(t->rows.x);
    free(t->rows.y);
    free(t->rows.lo);
    free(t->grads);
    optim_free(&t->optim);
    tape_free(t->tape);
    model_free(t->model);
}

static int64_t scored_targets(const Trainer *t) {
    int64_t n = 0;
    for (int64_t i = 0; i < t->c->train.batch_tokens; i++) n += t->rows.y[i] >= 0;
    return n;
}

/* Loss and gradients of a step's rows, a few rows in flight at a time, in row order. */
static double accumulate(Trainer *t) {
    int64_t scored = scored_targets(t);
    Observer watch = t->heads ? step_head_observer(t->heads) : (Observer){0};
    double sum = 0;
    tape_observe(t->tape, (Observers){&watch, t->heads != NULL});
    tape_time(t->tape, t->phases);
    memset(t->grads, 0, t->model->arena * sizeof *t->grads);
    phase_end(t->phases, PHASE_OTHER, 0);
    for (int row = 0; row < t->rows_per_step; row += t->micro_rows) {
        int rows = t->rows_per_step - row < t->micro_rows ? t->rows_per_step - row : t->micro_rows;
        int64_t at = (int64_t)row * t->T;
        Batch b = {rows, t->T, t->rows.x + at, t->rows.y + at, t->rows.lo + at, row};
        model_train(t->model, t->tape, &b, 1.0f / (float)scored, t->grads);
        const float *losses = tape_losses(t->tape);
        for (int64_t i = 0; i < (int64_t)rows * t->T; i++) sum += losses[i];
    }
    tape_observe(t->tape, (Observers){NULL, 0});
    tape_time(t->tape, NULL);
    return sum / (double)scored;
}

StepFigures trainer_step(Trainer *t, int64_t step) {
    StepFigures f = {.loss = accumulate(t), .lr = schedule_lr(&t->c->optim, step, t->c->train.steps)};
    phase_end(t->phases, PHASE_OTHER, 0);
    f.grad_norm = optim_update(&t->optim, &t->c->optim, t->model, t->grads, step, f.lr);
    phase_end(t->phases, PHASE_OPTIMISER, optim_bytes(&t->optim, t->model));
    return f;
}
