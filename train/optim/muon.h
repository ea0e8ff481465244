/* Owns: Muon (Jordan 2024; scaled as arXiv 2502.16982): the blocks' matrices move by their momentum with
 * its singular values made alike. Embedding, head, gains and biases move by AdamW.
 * Does not own: AdamW (adamw.h); lr, scale and decay, as there. */
#ifndef SINKLAB_MUON_H
#define SINKLAB_MUON_H

#include "train/optim/optim.h"

/* g' = scale g; m = b1 m + (1 - b1) g'; u = b1 m + (1 - b1) g' (Nesterov)
 * w = w - lr decay w - lr 0.2 sqrt(max(rows, cols)) orthogonal(u)
 * The factor gives the update the rms of AdamW's, so that one lr serves both. */
void muon_update(const OptimStep *s, const Tensor *t, float *w, const float *g,
                 float *const state[OPTIM_STATES]);
size_t muon_scratch(const Tensor *t);

/* U V^T of X = U S V^T, nearly: five steps of X = a X + (b A + c A A) X, A = X X^T, of Newton and Schulz
 * on X / ||X||_F, whose quintic leaves singular values within 0.7 and 1.2. X (rows, cols) in place, rows <=
 * cols; scratch: rows (cols + 2 rows) floats. */
void muon_orthogonalise(float *X, int64_t rows, int64_t cols, float *scratch);

#endif
