/* Owns: when a run is evaluated, saved and logged: pure functions of the step.
 * Does not own: what is done then (train/run.c), what an evaluation is (train/evaluate.c). */
#ifndef SINKLAB_WHEN_DUE_H
#define SINKLAB_WHEN_DUE_H

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

/* Steps between saves or plain log lines: as configured, or a twentieth of the run. */
int64_t when_due_every(int64_t configured, int64_t steps);

#endif
