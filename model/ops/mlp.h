/* Owns: the feed-forward activations, forward and backward; the matrix products around them
 * are the block's. */
#ifndef SINKLAB_MLP_H
#define SINKLAB_MLP_H

#include <stdint.h>

/* hid (N, 2f): gate | up. s (N, f) = silu(gate) * up (arXiv 2002.05202). */
void swiglu_forward(const float *hid, float *s, int64_t N, int f);
/* hid in place to its gradient; s is written again. */
void swiglu_backward(float *hid, const float *ds, float *s, int64_t N, int f);

/* s = gelu(hid), the tanh form; hid, s: (N, f). */
void gelu_forward(const float *hid, float *s, int64_t N, int f);
void gelu_backward(float *hid, const float *ds, float *s, int64_t N, int f);

#endif
