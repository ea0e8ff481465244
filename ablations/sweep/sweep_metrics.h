/* Owns: the names of the figures that an expectation can be about: the rows of the view `sweep_metrics`.
 * Does not own: their definitions (train/schema.sql). */
#ifndef SINKLAB_SWEEP_METRICS_H
#define SINKLAB_SWEEP_METRICS_H

#include "train/config/did_you_mean.h"

#include <stdbool.h>

/* NAME is measured on probe main; PROBE.NAME, but for onset, on context, other_bos or random. */
bool sweep_metric_known(const char *metric);
/* Offers every known name. */
void sweep_metrics_offer(DidYouMean *n);

#endif
