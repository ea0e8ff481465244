/* Owns: evaluations of a run's model under what probe.do names, which it is not trained under, each on a tape
 * of its own. Does not own: what an evaluation is (train/evaluate.c), what an intervention does
 * (model/interventions), evaluations of what is trained already (sinklab probe --do --store). */
#ifndef SINKLAB_EVALUATE_UNDER_H
#define SINKLAB_EVALUATE_UNDER_H

#include "train/evaluate.h"

/* Refuses what no evaluation of a model of this shape can be under, and one text twice: exit code 2. */
bool evaluate_under_check(const Config *c, const ModelConfig *shape, Error *e);

/* Bytes of the largest of those tapes; 0 without probe.do. For a configuration that was checked. */
double evaluate_under_bytes(const Config *c, const Model *m);

/* Rows of results.db under "main do INTERVENTION" (and so for the other probes), after `step` updates, as
 * evaluate writes those of the model itself. */
bool evaluate_under(Evaluator *v, const Config *c, Model *m, Store *s, int64_t run, int64_t step, int set,
                    Error *e);

#endif
