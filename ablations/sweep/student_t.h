/* Owns: quantiles of Student's t, and the table of them that results.db's verdicts look up.
 * Does not own: what is tested (the view `verdict`). */
#ifndef SINKLAB_STUDENT_T_H
#define SINKLAB_STUDENT_T_H

#include "data/base/error.h"
#include "train/store/store.h"

enum { T_MOST_DF = 60 }; /* beyond these degrees of freedom the last one's quantile is used: 2 % too wide */

/* P(|t| <= x) with `df` degrees of freedom, from 1. */
double student_t_within(double x, int df);

/* x with P(|t| > x) = p, 0 < p < 1. */
double student_t_two_sided(double p, int df);

/* Fills t_quantile with the rows of shares 1 .. shares that are missing. */
bool t_quantile_fill(Store *s, int shares, Error *e);

#endif
