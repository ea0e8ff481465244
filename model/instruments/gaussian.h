/* Owns: what the largest of d independent normal numbers hold, the control of figures that ask how few
 * channels hold much. Does not own: those figures. */
#ifndef SINKLAB_GAUSSIAN_H
#define SINKLAB_GAUSSIAN_H

/* E of the share of sum z_i^2 that the k largest of d have: that of a random column. d = 128, k = 4: 0.194.
 */
double gaussian_top_share(int d, int k);
/* E max |z_i| / E |z|: DomRatio of a random vector. d = 128: 3.5. */
double gaussian_dominance(int d);

#endif
