/* Owns: sinks beyond the first key (arXiv 2606.02378), from the masses of keys that sink_mass.c has: of each
 * head how many keys 1 <= k < T/2 of a sequence have a mass strictly above 0.3, the largest of their masses,
 * and the null, the mass that a key drawn evenly from them may be expected to have, which is their mean: no
 * draw is made. Means over the sequences. First tokens of documents are no secondary sinks. Keys beyond T/2
 * have few queries, of which their own is one. Does not own: the masses. */
#ifndef SINKLAB_SECONDARY_SINKS_H
#define SINKLAB_SECONDARY_SINKS_H

#include "model/instruments/cells.h"

/* Of a sequence; NAN where there is no such key. */
typedef struct SecondarySinks {
    double number, mass, random_mass;
} SecondarySinks;

/* imp (keys): the masses; doc_start of the row. */
SecondarySinks secondary_sinks_of(const double *imp, int keys, const int32_t *doc_start);

#endif
