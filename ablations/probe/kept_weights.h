/* Owns: whole attention matrices of a few rows, kept as they pass. Does not own: what is made of them. */
#ifndef SINKLAB_KEPT_WEIGHTS_H
#define SINKLAB_KEPT_WEIGHTS_H

#include "model/model.h"
#include "model/visible.h"

enum { WEIGHT_ROWS = 32 }; /* rows whose matrices are kept */

typedef enum WeightsOf {
    WEIGHTS_PROXY, /* |A|, over its row's sum where rows need not sum to one: what instruments read */
    WEIGHTS_RAW    /* |A| */
} WeightsOf;

typedef struct KeptWeights {
    int rows, layers, heads, T;
    WeightsOf what;
    Visible visible;
    float *A; /* (rows, layers, heads, T, T), 0 for keys not seen */
} KeptWeights;

/* Room for the weights of a pass's first rows; the program ends when there is no memory. */
KeptWeights weights_keep(const Model *m, int rows, int T, WeightsOf what);
void weights_free(KeptWeights *k);
Observer weights_observer(KeptWeights *k);
float *weights_of(const KeptWeights *k, int64_t row, int layer, int head);

#endif
