/* Owns: positions: rotation of q and k (RoPE on halves, arXiv 2104.09864, base 10,000) and
 * vectors added to the embedding, learned or sinusoids. Does not own: scores, to which attention.c adds
 * ALiBi's slopes. */
#ifndef SINKLAB_POSITION_H
#define SINKLAB_POSITION_H

#include <stdint.h>

/* Rotates every head's pairs (i, i + dh/2) of q and k by angle t / 10000^(2i/dh), in place;
 * sign -1 turns back (the backward). x: (B*T, ld), `vectors` heads of dh from column 0.
 * rotation: (T, 2, dh/2), a place's cosines, then its sines: rope_table. */
void rope_turn(float *x, int64_t ld, int B, int T, int vectors, int dh, const float *rotation, float sign);
void rope_table(float *rotation, int T, int dh);

/* P[t][2i] = a sin(t / 10000^(2i/d)), P[t][2i+1] = a cos of the same (arXiv 1706.03762). P: (T, d). */
void sinusoid_table(float *P, int T, int d, double amplitude);

/* x[b][t] += P[t];  dP[t] += sum_b dx[b][t], rows in order. P: (T, d). */
void learned_forward(float *x, const float *P, int B, int T, int d);
void learned_backward(const float *dx, float *dP, int B, int T, int d);

#endif
