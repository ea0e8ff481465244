#include "model/instruments/first_rest.h"

#include "model/instruments/first_keys.h"
#include "model/instruments/stats.h"

FirstRest first_rest(double *of, const int32_t *doc_start, int T) {
    double sum = 0;
    int firsts = 0, rest = 0;
    for (int t = 0; t < T; t++) {
        if (is_first(doc_start, t)) {
            sum += of[t];
            firsts++;
        } else {
            of[rest++] = of[t];
        }
    }
    return (FirstRest){firsts ? sum / firsts : NAN, median_of(of, rest)};
}

double first_rest_lengths(const float *x, int64_t ld, int width, const int32_t *doc_start, int T) {
    double lengths[T];
    for (int t = 0; t < T; t++) lengths[t] = norm_floats(x + t * ld, width);
    FirstRest n = first_rest(lengths, doc_start, T);
    return quotient(n.first, n.rest);
}
