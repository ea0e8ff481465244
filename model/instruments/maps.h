/* Owns: attention maps small enough to keep: every head's lower triangle, a byte a weight. For pictures;
 * figures come from the instruments, which see the weights themselves.
 * Does not own: which rows are looked at, and when (train/evaluate.c). */
#ifndef SINKLAB_MAPS_H
#define SINKLAB_MAPS_H

#include "model/tap.h"

#include <stddef.h>

typedef struct Maps Maps;

/* Room for `rows` rows of T tokens; NULL when memory is short. */
Maps *maps_create(int rows, int T, int layers, int heads);
void maps_free(Maps *m);
Observer maps_observer(Maps *m);

/* Bytes of one map: query q's keys 0 .. q follow those of query q - 1. */
size_t maps_bytes(int T);

/* The last pass's map: 255 A[q,k], rounded; kinds that do not sum to one as |A| / sum |A|. */
const uint8_t *maps_of(const Maps *m, int row, int layer, int head);

#endif
