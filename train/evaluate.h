/* Owns: what is measured between steps: the probes' fixed rows, the held-out loss, attention
 * maps, and their way into results.db. Does not own: the instruments (model/instruments), when
 * (train/when_due.c). */
#ifndef SINKLAB_EVALUATE_H
#define SINKLAB_EVALUATE_H

#include "data/data.h"
#include "model/model.h"
#include "train/config/config.h"
#include "train/probe_rows.h"
#include "train/store/store.h"

typedef struct Evaluator Evaluator;

enum { CHANGES_TEXT = 256 }; /* bytes of the text of interventions */

/* Draws the rows of the probes main, context, other_bos, random and repeated, once. scratch: room of an arena
 * (model_arena) that is nobody's during an evaluation, for the backward of instruments that read gradients.
 */
bool evaluator_create(Evaluator **out, const Config *c, const Dataset *d, const Model *m, float *scratch,
                      Error *e);
/* The same of a model whose data are not at hand, on rows that stay the caller's: main, other_bos (without
 * rows: none), random. Losses are over main's targets; no backward is made, and tapes need not be training
 * ones.
 */
bool evaluator_of_rows(Evaluator **out, const Config *c, const Model *m, const ProbeRows *main,
                       const ProbeRows *other, const ProbeRows *random, Error *e);
void evaluator_free(Evaluator *v);

/* From here on rows are put to a changed model, whose tape the caller gives; figures stand under the names of
 * probes with " do CHANGES" behind them. no_bos: rows without BOS, which is asked of main alone. NULL: as
 * trained. */
void evaluator_under(Evaluator *v, const char *changes, bool no_bos);

/* Evaluates after `step` updates; `set` is of when_due_probe. Light: the probe main. Heavy: also the other
 * probes' light figures, and the held-out loss over 16,384 targets. At the last step every probe is measured
 * with everything, `repeated` by the light ones, the loss over 262,144 targets and on the rows of other_bos:
 * what takes time is asked of the trained model alone. The tape is the run's own, between steps: a training
 * one, since the light or heavy set is taken forward and back where an instrument of the set reads gradients.
 * *sink_rate: of main at 0.3.
 */
bool evaluate(Evaluator *v, Tape *t, Store *s, int64_t run, int64_t step, int set, double *sink_rate,
              Error *e);

/* Keeps the attention maps of the first probe.maps rows of main after `step` updates, and, at the first
 * call, the text of their tokens. */
bool evaluate_maps(Evaluator *v, Tape *t, Store *s, int64_t run, int64_t step, Error *e);

#endif
