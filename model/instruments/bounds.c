#include "model/instruments/bounds.h"

#include "model/instruments/stats.h"

#include <float.h>
#include <math.h>

/* 1 - alpha below this is rounding of dot products: alpha counts as 1. */
static const double collinear = 1e-12;

static double x_ln_x(double x) {
    return x > 0 ? x * log(x) : 0;
}

Spectral bounds_of(const float *X, int64_t ld, int T, int d) {
    double M = dot_floats(X, X, d), R = 0, along = 0, across = 0; /* R = along + across, along = alpha R */
    int r = T < d ? T : d;
    if (!(M > 0)) return (Spectral){NAN, NAN, NAN, NAN};
    for (int t = 1; t < T; t++) {
        const float *x = X + t * ld;
        double square = dot_floats(x, x, d), dot = dot_floats(x, X, d), part = dot * dot / M;
        R += square;
        along += part;
        across += fmax(square - part, 0);
    }
    double p = (M + along) / (M + R), rest = across / (M + R);
    bool entropy = r > 1 && p >= 1.0 / r;
    return (Spectral){.sigma1_sq = M + along,
                      .ratio = across > collinear * R ? (M + along) / across : NAN,
                      .anisotropy = p,
                      .entropy = entropy ? rest * log(r - 1) - x_ln_x(p) - x_ln_x(rest) : NAN};
}

/* Eigenvalues carry an error of about r eps sigma_1^2. The ratio s / (F - s) magnifies it by (1 + ratio)^2,
 * and -p ln p by up to |ln eps| = 36. Comparisons with NAN are false. */
int bounds_violated(const Spectral *bound, const Spectral *measured, int r) {
    const double relative = 1e-9, rounding = r * DBL_EPSILON;
    double odds = 1 + measured->ratio;
    return (measured->sigma1_sq < bound->sigma1_sq * (1 - relative)) +
           (measured->ratio < bound->ratio * (1 - relative) - rounding * odds * odds) +
           (measured->anisotropy < bound->anisotropy * (1 - relative)) +
           (measured->entropy > bound->entropy * (1 + relative) + 36 * rounding);
}
