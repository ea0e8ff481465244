#include "model/instruments/gaussian.h"

#include <math.h>

/* P(Bin(n, p) < k) */
static double fewer(int n, double p, int k) {
    double term = exp(n * log1p(-p)), sum = 0;
    for (int j = 0; j < k; j++) {
        sum += term;
        term *= (double)(n - j) / (j + 1) * p / (1 - p);
    }
    return sum;
}

/* E of |z|^power over those z that are among the k largest of d: fewer than k of the others exceed them. By
 * the midpoint rule over the density of |z|. */
static double among_top(int d, int k, int power) {
    enum { CELLS = 6000 };
    const double h = 12.0 / CELLS;
    double sum = 0;
    for (int i = 0; i < CELLS; i++) {
        double x = (i + 0.5) * h, density = sqrt(2 / M_PI) * exp(-x * x / 2);
        sum += h * pow(x, power) * density * fewer(d - 1, erfc(x / sqrt(2)), k);
    }
    return sum;
}

/* z / |z| does not depend on |z|, so that E of the share is the share of E. */
double gaussian_top_share(int d, int k) {
    return among_top(d, k, 2);
}

double gaussian_dominance(int d) {
    return d * among_top(d, 1, 1) / sqrt(2 / M_PI);
}
