/* Owns: linear CKA, the likeness of two representations of the same tokens (arXiv 1905.00414).
 * Does not own: where they come from (against.c). */
#ifndef SINKLAB_CKA_H
#define SINKLAB_CKA_H

#include <stdint.h>

/* |Y^T X|_F^2 / (|X^T X|_F |Y^T Y|_F) of X (n, dx) and Y (n, dy), each channel less its mean over the n
 * tokens: 1 of a representation with itself, with any rotation or multiple of it; NAN where one is constant.
 */
double linear_cka(const float *X, int dx, const float *Y, int dy, int64_t n);

#endif
