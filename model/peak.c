#include "model/peak.h"

#include "model/vec.h"

#include <omp.h>

enum { CHAINS = 16, TURNS = 200000, TRIES = 5 };

/* Returns something that depends on every accumulator, so that none can be left out. */
static float multiply_add(float a, float b) {
    vf x[CHAINS], sum = {0};
    for (int i = 0; i < CHAINS; i++) x[i] = vf_all((float)i);
    for (int t = 0; t < TURNS; t++)
#pragma GCC unroll 16
        for (int i = 0; i < CHAINS; i++) x[i] = x[i] * a + b;
    for (int i = 0; i < CHAINS; i++) sum += x[i];
    return vf_sum(sum);
}

double peak_flops(int threads) {
    double best = 0, flops = 2.0 * VW * CHAINS * TURNS * threads;
    float kept = 0;
    for (int i = 0; i < TRIES; i++) {
        double start = omp_get_wtime();
#pragma omp parallel num_threads(threads) reduction(+ : kept)
        kept += multiply_add(0.999f, 1e-3f);
        double rate = flops / (omp_get_wtime() - start);
        best = rate > best ? rate : best;
    }
    return kept == kept ? best : 0;
}
