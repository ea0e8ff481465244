#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Sums run in so many lanes, which the compiler can keep in vectors without changing their order. */
enum { LANES = 16 };

static double sum_lanes(double *lanes) {
    for (int n = LANES / 2; n; n /= 2)
        for (int i = 0; i < n; i++) lanes[i] += lanes[i + n];
    return lanes[0];
}

double sum_floats(const float *x, int64_t n) {
    double lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] += (double)x[i + j];
    for (int j = 0; i < n; i++, j++) lanes[j] += (double)x[i];
    return sum_lanes(lanes);
}

double sum_abs(const float *x, int64_t n) {
    double lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] += (double)fabsf(x[i + j]);
    for (int j = 0; i < n; i++, j++) lanes[j] += (double)fabsf(x[i]);
    return sum_lanes(lanes);
}

double dot_floats(const float *a, const float *b, int64_t n) {
    double lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lanes[j] += (double)a[i + j] * (double)b[i + j];
    for (int j = 0; i < n; i++, j++) lanes[j] += (double)a[i] * (double)b[i];
    return sum_lanes(lanes);
}

double norm_floats(const float *x, int64_t n) {
    return sqrt(dot_floats(x, x, n));
}

double mean_of(double *x, int64_t n) {
    double sum = 0;
    int64_t defined = 0;
    for (int64_t i = 0; i < n; i++) {
        if (isnan(x[i])) continue;
        sum += x[i];
        defined++;
    }
    return defined ? sum / (double)defined : NAN;
}

/* fmax and fmin pass over NAN. */
double standard_error_of(const double *x, int64_t n) {
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) mean += x[i] / (double)n;
    for (int64_t i = 0; i < n; i++) squares += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : NAN;
}

double highest_of(double *x, int64_t n) {
    double best = NAN;
    for (int64_t i = 0; i < n; i++) best = fmax(best, x[i]);
    return best;
}

double lowest_of(double *x, int64_t n) {
    double best = NAN;
    for (int64_t i = 0; i < n; i++) best = fmin(best, x[i]);
    return best;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median_of(double *x, int64_t n) {
    int64_t defined = 0;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(x[i])) x[defined++] = x[i];
    if (!defined) return NAN;
    qsort(x, (size_t)defined, sizeof *x, ascending);
    return 0.5 * (x[(defined - 1) / 2] + x[defined / 2]);
}

double quantile_of(double *x, int64_t n, double share) {
    qsort(x, (size_t)n, sizeof *x, ascending);
    return x[(int64_t)(share * (double)(n - 1) + 0.5)];
}

double quotient(double a, double b) {
    return b > 0 ? a / b : NAN;
}

double entropy_of(const double *x, int64_t n) {
    double sum = 0, entropy = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    if (!(sum > 0)) return NAN;
    for (int64_t i = 0; i < n; i++)
        if (x[i] > 0) entropy -= x[i] / sum * log(x[i] / sum);
    return entropy;
}
