#include "model/instruments/maps.h"

#include <math.h>
#include <stdlib.h>

struct Maps {
    int rows, T, layers, heads;
    uint8_t *data; /* (rows, layers, heads, maps_bytes(T)) */
};

size_t maps_bytes(int T) {
    return (size_t)T * ((size_t)T + 1) / 2;
}

static size_t place_of(const Maps *m, int row, int layer, int head) {
    return (((size_t)row * (size_t)m->layers + (size_t)layer) * (size_t)m->heads + (size_t)head) *
           maps_bytes(m->T);
}

Maps *maps_create(int rows, int T, int layers, int heads) {
    Maps *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    *m = (Maps){rows, T, layers, heads, NULL};
    m->data = calloc(place_of(m, rows, 0, 0), 1);
    if (m->data) return m;
    free(m);
    return NULL;
}

void maps_free(Maps *m) {
    if (!m) return;
    free(m->data);
    free(m);
}

const uint8_t *maps_of(const Maps *m, int row, int layer, int head) {
    return m->data + place_of(m, row, layer, head);
}

static void keep_query(uint8_t *out, const float *A, int q, bool unnormalised) {
    float sum = unnormalised ? 0 : 1;
    for (int k = 0; unnormalised && k <= q; k++) sum += fabsf(A[k]);
    for (int k = 0; k <= q; k++) out[k] = sum > 0 ? (uint8_t)lrintf(255 * fminf(fabsf(A[k]) / sum, 1)) : 0;
}

static void weights(void *self, const Weights *w) {
    const Maps *m = self;
    uint8_t *map = m->data + place_of(m, (int)w->row, w->layer, w->head);
    for (int i = 0; i < w->nq; i++)
        keep_query(map + maps_bytes(w->q0 + i), w->A + (int64_t)i * w->ld, w->q0 + i, w->unnormalised);
}

Observer maps_observer(Maps *m) {
    return (Observer){0, m, NULL, weights};
}
