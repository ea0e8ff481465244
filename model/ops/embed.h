/* Owns: token vectors, forward and backward.
 * Does not own: what positions add to them (position.h), the head, which may have the same weights
 * (model/pass.c). */
#ifndef SINKLAB_EMBED_H
#define SINKLAB_EMBED_H

#include <stdint.h>

/* x[n] = E[token[n]]. x (N, d), E (V, d). */
void embed_forward(const int32_t *token, const float *E, float *x, int64_t N, int d);
/* dE[token[n]] += dx[n], tokens in order for each column, so threads change no bit. */
void embed_backward(const int32_t *token, const float *dx, float *dE, int64_t N, int d);

#endif
