/* Owns: Gram matrices in double and their eigenvalues (LAPACK). Sums run over the rows of
 * P in order, so that the bits depend neither on threads nor on how the rows are cut into calls.
 * Does not own: any figure that is made of eigenvalues (spectrum.c). */
#ifndef SINKLAB_GRAM_H
#define SINKLAB_GRAM_H

#include <stdbool.h>
#include <stdint.h>

enum { GRAM_ROWS = 4, GRAM_COLS = 16 }; /* of a register tile */

/* M rounded up to whole tiles: the leading dimension of P and G. */
int gram_room(int M);
/* G[i][j] += sum_k P[k][i] P[k][j] for i in i0 .. i0+GRAM_ROWS-1 and j >= i; room = gram_room(M).
 * P (K, room), zero beyond column M; G (room, room), of which the upper triangle is kept. */
void gram_strip(double *G, int room, const double *P, int64_t K, int i0);
/* Eigenvalues of G's first n rows and columns, descending; such as are rounding or below are 0. Destroys
 * G. False when they are not to be had (G holds NAN or infinity). */
bool gram_eigenvalues(double *G, int room, int n, double *values);
/* The unit vector of the largest eigenvalue of G (n, n), of which the lower triangle by columns is read;
 * either sign. Destroys G. False as above. */
bool gram_first_vector(double *G, int n, double *vector);

#endif
