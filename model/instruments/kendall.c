#include "model/instruments/kendall.h"

#include "model/instruments/cells.h"

#include <math.h>
#include <stdlib.h>

typedef struct Placed {
    double x;
    int at;
} Placed;

static int ascending(const void *a, const void *b) {
    double x = ((const Placed *)a)->x, y = ((const Placed *)b)->x;
    return (x > y) - (x < y);
}

Ranking ranking_make(const double *x, int n) {
    Placed *p = instrument_memory((size_t)n, sizeof *p);
    Ranking r = {n, instrument_memory((size_t)n, sizeof *r.at), instrument_memory((size_t)n, sizeof *r.below),
                 instrument_memory((size_t)n, sizeof *r.y)};
    for (int i = 0; i < n; i++) p[i] = (Placed){x[i], i};
    qsort(p, (size_t)n, sizeof *p, ascending);
    for (int i = 0; i < n; i++) {
        r.at[i] = p[i].at;
        r.below[i] = i && p[i].x == p[i - 1].x ? r.below[i - 1] : i;
    }
    free(p);
    return r;
}

void ranking_free(Ranking *r) {
    free(r->at);
    free(r->below);
    free(r->y);
}

double kendall_tau(const Ranking *r, const double *y) {
    int64_t sum = 0;
    for (int i = 0; i < r->n; i++) r->y[i] = y[r->at[i]];
    for (int i = 0; i < r->n; i++) {
        int64_t more = 0;
        for (int j = 0; j < r->below[i]; j++) more += (r->y[j] < r->y[i]) - (r->y[j] > r->y[i]);
        sum += more;
    }
    return r->n > 1 ? (double)sum / (0.5 * r->n * (r->n - 1)) : NAN;
}
