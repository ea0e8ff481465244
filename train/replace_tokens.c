#include "train/replace_tokens.h"

#include "data/base/rng.h"

void replace_tokens(Rows *at, uint64_t seed, int64_t first, int rows, int T, double share, int64_t vocab,
                    int32_t bos) {
    for (int64_t i = 0; i < (int64_t)rows * T; i++) {
        uint64_t row = (uint64_t)(first + i / T), draw = 1 + 2 * (uint64_t)(i % T); /* 0 is random_first's */
        if (at->x[i] == bos || rng_uniform(seed, RNG_ROW, row, draw) >= share) continue;
        int32_t token = (int32_t)rng_below(seed, RNG_ROW, row, draw + 1, (uint64_t)(vocab - (bos >= 0)));
        at->x[i] = token + (bos >= 0 && token >= bos);
    }
}
