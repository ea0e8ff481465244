#include "model/kernels/peak.h"

#include "model/kernels/vec.h"

#include <omp.h>
#include <stdlib.h>

/* Many short tries: the best of them is the machine's own, whatever else it did meanwhile. */
enum { CHAINS = 16, TURNS = 200000, FLOPS_TRIES = 40, TRIES = 5 };

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
    for (int i = 0; i < FLOPS_TRIES; i++) {
        double start = omp_get_wtime();
#pragma omp parallel num_threads(threads) reduction(+ : kept)
        kept += multiply_add(0.999f, 1e-3f);
        double rate = flops / (omp_get_wtime() - start);
        best = rate > best ? rate : best;
    }
    return kept == kept ? best : 0;
}

double peak_bytes(int threads) {
    const int64_t n = (int64_t)24 << 20; /* 96 MB an array */
    float *a = malloc((size_t)n * 3 * sizeof *a), *b = a ? a + n : NULL, *c = a ? b + n : NULL;
    double best = 0;
    for (int try = 0; a && try <= TRIES; try++) {
        double start = omp_get_wtime();
#pragma omp parallel for simd num_threads(threads) schedule(static)
        for (int64_t i = 0; i < n; i++) {
            if (!try) b[i] = c[i] = 1; /* first touch by the thread that will use it */
            a[i] = b[i] + 3 * c[i];
        }
        double rate = 12.0 * (double)n / (omp_get_wtime() - start);
        if (try && rate > best) best = rate;
    }
    free(a);
    return best;
}
