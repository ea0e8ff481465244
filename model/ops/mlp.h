/* Owns: the feed-forward activations, forward and backward; the matrix products around them
 * are the block's. */
#ifndef SINKLAB_MLP_H
#define SINKLAB_MLP_H

#include <stdint.h>

/* Gated (arXiv 2002.05202): hid (N, 2f): gate | up; s (N, f) = act(gate) * up. The backward takes hid
 * in place to its gradient and writes s again. */
void swiglu_forward(const float *hid, float *s, int64_t N, int f);
void swiglu_backward(float *hid, const float *ds, float *s, int64_t N, int f);
void geglu_forward(const float *hid, float *s, int64_t N, int f);
void geglu_backward(float *hid, const float *ds, float *s, int64_t N, int f);
void reglu_forward(const float *hid, float *s, int64_t N, int f);
void reglu_backward(float *hid, const float *ds, float *s, int64_t N, int f);

/* Not gated: s = act(hid); hid, s: (N, f). gelu is the tanh form. */
void gelu_forward(const float *hid, float *s, int64_t N, int f);
void gelu_backward(float *hid, const float *ds, float *s, int64_t N, int f);
void relu_forward(const float *hid, float *s, int64_t N, int f);
void relu_backward(float *hid, const float *ds, float *s, int64_t N, int f);

#endif
