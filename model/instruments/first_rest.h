/* Owns: how a quantity of tokens is split between first tokens and the rest of a sequence. First is
 * position 0, under a document mask the first position of each document of the row (their mean is
 * taken); the rest is summed up by its median. Does not own: the quantity. */
#ifndef SINKLAB_FIRST_REST_H
#define SINKLAB_FIRST_REST_H

#include <stdint.h>

typedef struct FirstRest {
    double first, rest; /* NAN where there are none */
} FirstRest;

/* of (T): the quantity by position, reordered. */
FirstRest first_rest(double *of, const int32_t *doc_start, int T);
/* first / rest of the lengths of T vectors of `width` floats, ld floats apart. */
double first_rest_lengths(const float *x, int64_t ld, int width, const int32_t *doc_start, int T);

#endif
