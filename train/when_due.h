/* Owns: when a run is evaluated and saved: pure functions of the step.
 * Does not own: what is done then (train/run.c), what an evaluation is (train/evaluate.c). */
#ifndef SINKLAB_WHEN_DUE_H
#define SINKLAB_WHEN_DUE_H

#include "data/base/list.h"

#include <stdbool.h>
#include <stdint.h>

/* The instruments due after `step` updates (0 .. steps), a set of InstrumentCost (model/instruments).
 * Light: at 0, at powers of two while they are closer together than `every`, at multiples of `every`, at
 * the end. Heavy: at 0, at every fifth multiple, at the end. every = 0 takes steps / 56, so that a
 * run is looked at 60 to 80 times. */
int when_due_probe(int64_t step, int64_t steps, int64_t every);

/* Whether attention maps are kept after `step` updates: `times` times a run at most, dense at first as
 * above; at the end always. */
bool when_due_map(int64_t step, int64_t steps, int64_t times);

/* Whether the gradients of update `step` (1 .. steps) are looked at: the first, powers of two below `every`,
 * its multiples, the last. every = 0 takes a 128th of the run, 16 at the least; below 0: never. */
bool when_due_gradients(int64_t step, int64_t steps, int64_t every);

/* What 0 stands for, or what was asked for, where it is above 0. */
int64_t when_due_light_every(int64_t steps, int64_t every);
int64_t when_due_gradients_every(int64_t steps, int64_t every);

/* Steps between saves: as configured, or a twentieth of the run. */
int64_t when_due_every(int64_t configured, int64_t steps);

/* Whether run.keep is one word, last, all or log, or steps of the run. */
bool when_due_keep_read(const List *keep, int64_t steps);
/* Whether a checkpoint is made after `step` updates (1 .. steps): every so many steps, at the end, and where
 * run.keep names the step: by number, or by log, which names round(2^(k/2)), k = 0, 1, ... */
bool when_due_save(int64_t step, int64_t steps, int64_t every, const List *keep);
/* Whether that checkpoint outlives the two newest. all: each does. */
bool when_due_kept(int64_t step, int64_t steps, const List *keep);
/* How many of a whole run's checkpoints do, the last one included. */
int64_t when_due_kept_count(int64_t steps, int64_t every, const List *keep);

#endif
