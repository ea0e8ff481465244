/* Owns: the four bounds of arXiv 2510.06477 on the spectrum of X (rows x_t, T of them in d dimensions),
 * from dot products with x_0 alone. With M = |x_0|^2, R = sum_{t>0} |x_t|^2, c = M / R and
 * alpha = sum_{t>0} (x_t.x_0)^2 / (M R):
 *   sigma_1^2                           >= M + alpha R
 *   sigma_1^2 / sum_{j>=2} sigma_j^2    >= (c + alpha) / (1 - alpha)
 *   sigma_1^2 / |X|_F^2                 >= p = (c + alpha) / (c + 1)
 *   H                                   <= -p ln p - (1-p) ln(1-p) + (1-p) ln(r-1)   where p >= 1/r
 * r is min(T, d), which the rank never exceeds, so that no spectrum is needed.
 * Does not own: what is bounded, as measured (spectrum.c). */
#ifndef SINKLAB_BOUNDS_H
#define SINKLAB_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

/* The four quantities of X's spectrum that have bounds, measured, or their bounds; NAN where undefined. */
typedef struct Spectral {
    double sigma1_sq, ratio, anisotropy, entropy;
} Spectral;

/* NAN: everything when x_0 = 0; the ratio when alpha = 1; the entropy when r = 1 or p < 1/r. */
Spectral bounds_of(const float *X, int64_t ld, int T, int d);
/* How many of the four are violated by more than 1e-9 of themselves and what rounding explains. */
int bounds_violated(const Spectral *bound, const Spectral *measured, int r);

#endif
