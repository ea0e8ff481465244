/* Owns: the number of threads beyond which threads of a pass stay idle, from the shapes alone. Does not own:
 * the loops themselves (each says how it is cut). */
#ifndef SINKLAB_USEFUL_THREADS_H
#define SINKLAB_USEFUL_THREADS_H

#include "model/model.h"

/* Pieces that the work of a phase of a pass over `rows` rows of T tokens falls into, the fewest where a phase
 * has several loops; 0: the phase is not of a pass, or has no products. */
int64_t useful_pieces(const Model *m, int rows, int T, bool bf16, int phase);

/* The most threads that have work for at least half of a pass's time, were a FLOP of a product or of
 * attention the same time everywhere; phases whose pieces are no multiple of the threads leave some of them
 * waiting. */
int useful_threads(const Model *m, int rows, int T, bool bf16);

#endif
