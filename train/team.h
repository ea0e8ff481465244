/* Owns: how processes train one run: what the first one, which alone writes, tells the others, and what they
 * do. Does not own: what passes between them (train/processes.h), a share (train/step.h), the run
 * (train/run.c). */
#ifndef SINKLAB_TEAM_H
#define SINKLAB_TEAM_H

#include "data/data.h"
#include "train/step.h"

/* As many shares as processes where train.shares is 1, which one line tells: the run has a key of its own.
 * Refuses processes that have no equal number of shares. To be called before the configuration is checked. */
bool team_shares(Config *c, const Processes *p, Error *e);

/* Whether all processes are well, said to each; the first one is told where another is not. */
bool team_agree(Processes *p, bool ok, Error *e);
/* Parts with the others. What is wrong is told before, by the first one, since mpirun kills all others once
 * one has ended badly; alone, it is left in e. */
void team_close(Processes *p, Error *e);

/* Update number `step` (from 1) on its rows of d, in every process alike. */
StepFigures team_step(Trainer *t, const Dataset *d, int64_t step);

/* The first process: training begins, with its weights and the states of its optimiser, as run `key`; a step;
 * the optimiser's states of all are wanted here, up to optim_forget; the end, with the exit code of all,
 * whether it has begun or not. p NULL: there is nobody to tell. */
void team_begin(Trainer *t, const char *key);
void team_tell_step(Processes *p, int64_t step);
void team_collect(Trainer *t);
void team_end(Processes *p, int code);

/* The life of every other process, to its exit code. A share that cannot be taken ends all. */
int team_follow(const Config *c, const char *cache, Processes *p, Error *e);

#endif
