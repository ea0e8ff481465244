/* Owns: the table of an intervention beside its random controls, of one checkpoint and over training. Does
 * not own: which they are (ablations/probe/control_draw.h), what is measured
 * (ablations/probe/probed_model.h). */
#ifndef SINKLAB_CONTROL_H
#define SINKLAB_CONTROL_H

#include "ablations/probe/probed_model.h"
#include "train/store/store.h"

/* Before, under the intervention, under its controls: their mean and standard deviation, and how many of
 * these the intervention lies from their mean. Nothing where there are none. */
bool control_show(ProbedModel *s, const Measured *before, const Measured *after, Error *e);

/* The same after each of f's steps, whose controls are drawn by the weights of that step; into `store`, where
 * there is one, as metrics of the run (the view control). */
bool control_steps(ProbedModel *s, const FoundModel *f, Store *store, int64_t run, Error *e);

#endif
