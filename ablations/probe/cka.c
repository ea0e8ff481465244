#include "ablations/probe/cka.h"

#include "model/instruments/cells.h"
#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>

/* X (n, d) less the means of its channels. */
static double *centred(const float *X, int d, int64_t n) {
    double *out = instrument_memory((size_t)n * (size_t)d, sizeof *out);
    double *mean = instrument_memory((size_t)d, sizeof *mean);
    for (int64_t i = 0; i < n * d; i++) mean[i % d] += (double)X[i];
    for (int64_t i = 0; i < n * d; i++) out[i] = (double)X[i] - mean[i % d] / (double)n;
    free(mean);
    return out;
}

/* |Y^T X|_F^2 */
static double product_size(const double *X, int dx, const double *Y, int dy, int64_t n) {
    double *P = instrument_memory((size_t)dx * (size_t)dy, sizeof *P), sum = 0;
    for (int64_t t = 0; t < n; t++)
        for (int i = 0; i < dy; i++)
            for (int j = 0; j < dx; j++) P[i * dx + j] += Y[t * dy + i] * X[t * dx + j];
    for (int i = 0; i < dx * dy; i++) sum += P[i] * P[i];
    free(P);
    return sum;
}

double linear_cka(const float *X, int dx, const float *Y, int dy, int64_t n) {
    double *x = centred(X, dx, n), *y = centred(Y, dy, n);
    double both = product_size(x, dx, y, dy, n);
    double of_x = product_size(x, dx, x, dx, n), of_y = product_size(y, dy, y, dy, n);
    free(x);
    free(y);
    return quotient(both, sqrt(of_x * of_y));
}
