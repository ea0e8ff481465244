/* Owns: least squares over the figures of a sweep's runs, each fit judged by the seeds that it has not seen,
 * and its terms by the fits of single seeds; they are told with intervals, and never with a verdict's word.
 * Does not own: the figures (a query of the sweep's own runs), quantiles of t (student_t.h). */
#ifndef SINKLAB_FIT_H
#define SINKLAB_FIT_H

#include "ablations/sweep/sweep.h"
#include "train/store/store.h"

enum { FIT_COLUMNS = FIT_TERMS + 1 }; /* the constant and the terms */

/* n points: x (FIT_COLUMNS, n), the constant first; y (n); the seed that each is of. */
typedef struct Points {
    int n, columns;
    double *x, *y;
    int64_t *seed;
} Points;

typedef struct FitTerm {
    double value; /* of all points */
    double mean,
        error; /* over the fits of single seeds, and their standard error; NaN: fewer than two of them */
} FitTerm;

typedef struct FitResult {
    int seeds;
    double *left_out; /* (seeds) root mean square error on a seed's points of the fit of all others */
    double explained; /* 1 - sum of those squares / that of the means of all others; NaN: one seed */
    FitTerm term[FIT_COLUMNS];
} FitResult;

/* Least squares by a complete orthogonal factorization. NULL, or why there is no fit: too few points, or
 * terms that cannot be told apart on all of them or on those of all seeds but one. To be freed by
 * free(out->left_out). */
const char *fit_points(const Points *p, FitResult *out);

/* Asks the queries of Sweep.fit (the view `own` is there since sweep_ask) and fills the temporary tables fit
 * (place, formula, points, seeds, error, explained, above, low, high, note) and fit_term (place, term, value,
 * mean, low, high). Fails with EXIT_USAGE where a query is no SELECT that reads, lacks a column, or has a
 * value that is no number. */
bool fit_all(const Sweep *s, Store *store, Error *e);

#endif
