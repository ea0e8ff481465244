/* Owns: the small sums and order statistics that instruments and timings share, in double, in a fixed order.
 * Does not own: any definition of a figure. */
#ifndef SINKLAB_STATS_H
#define SINKLAB_STATS_H

#include <stdint.h>

/* Statistics of the n values x that are not NAN; NAN when there are none. */
double mean_of(double *x, int64_t n);
double highest_of(double *x, int64_t n);
double lowest_of(double *x, int64_t n);
double median_of(double *x, int64_t n); /* reorders x; the mean of the two middle ones when n is even */

/* The value of x below which `share` of the other values lies; sorts x, which holds no NAN. */
double quantile_of(double *x, int64_t n, double share);

double quotient(double a, double b); /* NAN where b is not positive */

double sum_floats(const float *x, int64_t n);
double sum_abs(const float *x, int64_t n);
double dot_floats(const float *a, const float *b, int64_t n);
double norm_floats(const float *x, int64_t n); /* Euclidean */

/* -sum p ln p over p >= 0, where p_i = x_i / sum x; 0 ln 0 = 0. NAN when the sum is not positive. */
double entropy_of(const double *x, int64_t n);

#endif
