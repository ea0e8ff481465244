/* Owns: the table of an intervention beside its random controls. Does not own: which they are
 * (ablations/probe/control_draw.h), what is measured (ablations/probe/probed_model.h). */
#ifndef SINKLAB_CONTROL_H
#define SINKLAB_CONTROL_H

#include "ablations/probe/probed_model.h"

/* Before, under the intervention, under its controls: their mean and standard deviation, and how many of
 * these the intervention lies from their mean. Nothing where there are none. */
bool control_show(ProbedModel *s, const Measured *before, const Measured *after, Error *e);

#endif
