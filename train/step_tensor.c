#include "train/step_tensor.h"

#include "model/instruments/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t size_of(const Tensor *t) {
    return t->rows * t->cols;
}

static int64_t largest(const Model *m) {
    int64_t most = 0;
    for (int i = 0; i < m->n_tensors; i++)
        most = size_of(&m->tensors[i]) > most ? size_of(&m->tensors[i]) : most;
    return most;
}

/* As many as block_of counts up to. */
static size_t blocks_of(const Model *m) {
    return m->arena / PARTS_BLOCK + (size_t)m->n_tensors;
}

double step_tensors_bytes(const Model *m) {
    return (double)largest(m) * sizeof(float) +
           (double)((size_t)m->n_tensors + blocks_of(m)) * sizeof(TensorNorms);
}

/* The first block of tensor i: n floats have at most n / PARTS_BLOCK + 1, so that none is another's. */
static TensorNorms *block_of(const StepTensors *s, int i) {
    return s->blocks + s->m->tensors[i].offset / PARTS_BLOCK + i;
}

/* The block in which tensor i has its part t. */
static TensorNorms *block_at(const StepTensors *s, int i, const Tensor *t) {
    return block_of(s, i) + (t->offset - s->m->tensors[i].offset) / PARTS_BLOCK;
}

static int64_t blocks_in(int64_t n) {
    return (n + PARTS_BLOCK - 1) / PARTS_BLOCK;
}

static double squares_of(const float *x, int64_t n, int64_t block) {
    int64_t at = block * PARTS_BLOCK, left = n - at;
    return dot_floats(x + at, x + at, left < PARTS_BLOCK ? left : PARTS_BLOCK);
}

static void before(void *self, const Tensor *t, int i, const float *w, const float *g) {
    StepTensors *s = self;
    TensorNorms *block = block_at(s, i, t);
    int64_t n = size_of(t);
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < blocks_in(n); b++) {
        block[b].gradient = squares_of(g, n, b);
        block[b].weight = squares_of(w, n, b);
    }
#pragma omp parallel for schedule(static)
    for (int64_t k = 0; k < n; k++) s->before[k] = w[k];
}

static void after(void *self, const Tensor *t, int i, const float *w) {
    StepTensors *s = self;
    TensorNorms *block = block_at(s, i, t);
    int64_t n = size_of(t);
#pragma omp parallel for schedule(static)
    for (int64_t k = 0; k < n; k++) s->before[k] = w[k] - s->before[k];
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < blocks_in(n); b++) block[b].update = squares_of(s->before, n, b);
}

void step_tensors_take(StepTensors *s, const Parts *parts) {
    size_t blocks = blocks_of(s->m);
    parts_join(parts, &s->blocks->gradient, blocks * sizeof *s->blocks / sizeof(double));
    for (int i = 0; i < s->m->n_tensors; i++) {
        const TensorNorms *block = block_of(s, i);
        TensorNorms sum = {0};
        for (int64_t b = 0; b < blocks_in(size_of(&s->m->tensors[i])); b++) {
            sum.gradient += block[b].gradient;
            sum.weight += block[b].weight;
            sum.update += block[b].update;
        }
        s->norms[i] = (TensorNorms){sqrt(sum.gradient), sqrt(sum.weight), sqrt(sum.update)};
    }
    memset(s->blocks, 0, blocks * sizeof *s->blocks);
}

bool step_tensors_create(StepTensors *s, const Model *m, Error *e) {
    *s = (StepTensors){m,
                       calloc((size_t)m->n_tensors, sizeof *s->norms),
                       calloc(blocks_of(m), sizeof *s->blocks),
                       malloc((size_t)largest(m) * sizeof *s->before),
                       {s, before, after}};
    return (s->norms && s->blocks && s->before) || fail(e, EXIT_FAILED, "run: out of memory");
}

void step_tensors_free(StepTensors *s) {
    free(s->norms);
    free(s->blocks);
    free(s->before);
}
