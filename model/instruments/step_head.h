/* Owns: what is measured of every head at every training step, over all rows of the batch, at
 * O(B T d) a layer from what attention has anyway: the mass of the first key and
 * the value drain. Does not own: the probes' instruments, which see whole attention matrices. */
#ifndef SINKLAB_STEP_HEAD_H
#define SINKLAB_STEP_HEAD_H

#include "model/tap.h"
#include "model/visible.h"

typedef struct StepHead StepHead;

/* rows: of a whole step. */
StepHead *step_head_create(int rows, int T, int layers, int heads, Visible visible);
void step_head_free(StepHead *s);
Observer step_head_observer(StepHead *s);

/* What is kept of each row, for whoever brings rows from elsewhere: two arrays of `a_row` doubles a row. */
void step_head_rows(StepHead *s, double *of_rows[2], size_t *a_row);

/* Means over the rows seen since the last call, [layers][heads]:
 * first_mass  = mean over the queries that see the first key of their document of their weight on it
 * value_ratio = ||v_0|| / median_{t>0} ||v_t||, with several documents in a row the mean over their first
 *               tokens for v_0; NAN at T = 1. */
void step_head_take(StepHead *s, double *first_mass, double *value_ratio);

#endif
