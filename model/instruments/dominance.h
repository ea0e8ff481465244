/* Owns: DomRatio of one vector (arXiv 2605.06611). Does not own: which vectors. */
#ifndef SINKLAB_DOMINANCE_H
#define SINKLAB_DOMINANCE_H

/* max_j |x_j| / mean_j |x_j|, between 1 and d. NAN where x is 0. */
double dom_ratio(const float *x, int d);

#endif
