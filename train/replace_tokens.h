/* Owns: random tokens in place of a share of a training batch's inputs (train.replace): how a model fares
 * that cannot trust single tokens. Does not own: the rows (data/data.h). */
#ifndef SINKLAB_REPLACE_TOKENS_H
#define SINKLAB_REPLACE_TOKENS_H

#include "data/data.h"

/* Each input of the rows (rows, T), but BOS, becomes with probability `share` a token drawn evenly from the
 * others than BOS, a pure function of (seed, number of the row, position); `first` is the number of the
 * first. Targets stay those of the text. bos: -1 where there is none. */
void replace_tokens(Rows *at, uint64_t seed, int64_t first, int rows, int T, double share, int64_t vocab,
                    int32_t bos);

#endif
