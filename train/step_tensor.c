#include "train/step_tensor.h"

#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 }; /* floats summed together, whatever the threads */

static int64_t size_of(const Tensor *t) {
    return t->rows * t->cols;
}

static int64_t largest(const Model *m) {
    int64_t most = 0;
    for (int i = 0; i < m->n_tensors; i++)
        most = size_of(&m->tensors[i]) > most ? size_of(&m->tensors[i]) : most;
    return most;
}

double step_tensors_bytes(const Model *m) {
    return (double)largest(m) * sizeof(float) + (double)m->n_tensors * sizeof(TensorNorms);
}

static double norm_of(const float *x, int64_t n) {
    int64_t blocks = (n + BLOCK - 1) / BLOCK;
    double sums[blocks], total = 0;
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < blocks; b++) {
        int64_t at = b * BLOCK, size = n - at < BLOCK ? n - at : BLOCK;
        sums[b] = dot_floats(x + at, x + at, size);
    }
    for (int64_t b = 0; b < blocks; b++) total += sums[b];
    return sqrt(total);
}

static void before(void *self, const Tensor *t, int i, const float *w, const float *g) {
    StepTensors *s = self;
    int64_t n = size_of(t);
    s->norms[i] = (TensorNorms){.gradient = norm_of(g, n), .weight = norm_of(w, n)};
#pragma omp parallel for schedule(static)
    for (int64_t k = 0; k < n; k++) s->before[k] = w[k];
}

static void after(void *self, const Tensor *t, int i, const float *w) {
    StepTensors *s = self;
    int64_t n = size_of(t);
#pragma omp parallel for schedule(static)
    for (int64_t k = 0; k < n; k++) s->before[k] = w[k] - s->before[k];
    s->norms[i].update = norm_of(s->before, n);
}

bool step_tensors_create(StepTensors *s, const Model *m, Error *e) {
    *s = (StepTensors){calloc((size_t)m->n_tensors, sizeof *s->norms),
                       malloc((size_t)largest(m) * sizeof *s->before),
                       {s, before, after}};
    return (s->norms && s->before) || fail(e, EXIT_FAILED, "run: out of memory");
}

void step_tensors_free(StepTensors *s) {
    free(s->norms);
    free(s->before);
}
