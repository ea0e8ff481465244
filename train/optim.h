/* Owns: the table of optimisers. */
#ifndef SINKLAB_OPTIM_H
#define SINKLAB_OPTIM_H

const char *optimiser_name(int i); /* row of the table; NULL past the end */

#endif
