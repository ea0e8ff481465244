/* Owns: one training step: what it holds in memory, this process's share of its rows, a few at a time, its
 * update. Does not own: where rows come from, what is logged, the loop (train/run.c, train/bench.c). */
#ifndef SINKLAB_STEP_H
#define SINKLAB_STEP_H

#include "data/data.h"
#include "model/instruments/step_head.h"
#include "model/instruments/step_layer.h"
#include "model/model.h"
#include "train/processes.h"
#include "train/step_tensor.h"

enum { PAIRS = 10 }; /* the most rounds in which shares are added: of 1024 */

typedef struct Trainer {
    const Config *c;
    Model *model;
    Tape *tape;         /* of the context in force */
    Tape *wide;         /* of model.context, while training rows are shorter; else NULL */
    float *grads;       /* nobody's between steps: room for the backward of an evaluation */
    float *pair[PAIRS]; /* sums over 2^k shares that wait for the next 2^k; NULL beyond this process's */
    OptimState optim;
    StepHead *heads; /* NULL: not watched */
    bool gradients;  /* the step to come is looked at: layers, tensors */
    Cells layers;    /* of step_layer */
    StepTensors tensors;
    Rows rows;                        /* of one step: the caller fills this process's (trainer_rows) */
    int T, rows_per_step, micro_rows; /* of the context in force */
    Phases *phases;                   /* NULL: not timed */
    Processes *processes;             /* all have the same trainer; NULL: this one alone */
} Trainer;

typedef struct StepFigures {
    double loss, grad_norm, lr;
} StepFigures;

/* c->model.vocab is known; `c` and `processes` (NULL: alone), whose number divides train.shares, outlive the
 * trainer. Weights are zero. On failure what was made is the caller's to free. */
bool trainer_create(Trainer *t, const Config *c, Processes *processes, Error *e);
/* Bytes that trainer_create takes and train.context_schedule may ask for later in the first of `processes`,
 * which has the whole of the optimiser's states while it saves, but for the rows of a step and what BLIS
 * packs (a few MB a thread). m: of the configuration, with or without
 * weights. */
double trainer_bytes(const Config *c, const Model *m, int processes);
void trainer_free(Trainer *t);

/* Whether products take bf16 inputs: asked for, and this CPU has the instructions. */
bool trainer_in_bf16(const Config *c);
/* BLIS's kernels, in bf16 the own kernel, and the program's target: what bits hang on. */
void trainer_kernels(const Config *c, char out[64]);
/* Peak FLOP/s of `threads` threads in the precision of the trainer's products, measured now. */
double trainer_peak(const Config *c, int threads);

/* Rows that go through together: train.micro_rows, or what keeps a layer's activations in the last-level
 * cache and gives every thread of OpenMP's a chunk; whole chunks, at whose ends sums are cut; one chunk where
 * the classifier is tied. */
int trainer_rows_in_flight(const Config *c, int T);

/* A tape as training and its evaluations have it, products in the precision asked for; training has
 * trainer_rows_in_flight rows of T tokens. */
bool trainer_tape(Tape **out, const Config *c, const Model *m, int rows, int T, Error *e);
/* The same of the model under more interventions than its own, which the tape alone knows of. */
bool trainer_tape_under(Tape **out, const Config *c, Model *m, const List *more, int rows, int T, Error *e);
double trainer_tape_bytes(const Config *c, const Model *m, int rows, int T);

/* Takes up the rows of update number `step`, if train.context_schedule changes them there. */
bool trainer_enter(Trainer *t, int64_t step, Error *e);
/* A tape with room for rows of model.context, ready for the weights as they are now. */
Tape *trainer_probe_tape(const Trainer *t);

/* The rows of a step that this process takes: their first number within the step, how many, and where they
 * go. */
typedef struct OwnRows {
    int first, n;
    Rows at;
} OwnRows;
OwnRows trainer_rows(const Trainer *t);

/* Update number `step` (from 1) from t->rows. Gradients are summed over each of train.shares shares of the
 * rows in row order, then over neighbouring shares, over pairs, over pairs of pairs: with the same bits
 * however many processes take them. All have the same weights and figures afterwards. */
StepFigures trainer_step(Trainer *t, int64_t step);

#endif
