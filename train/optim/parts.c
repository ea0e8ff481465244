#include "train/optim/parts.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* The last place up to `ideal` where the tensor that lies there may be cut. */
static size_t cut_before(const Model *m, size_t (*whole)(const Tensor *t), size_t ideal) {
    const Tensor *t = &m->tensors[m->n_tensors - 1];
    while (t->offset > ideal) t--;
    size_t grain = whole && whole(t) ? (size_t)(t->rows * t->cols) : PARTS_BLOCK;
    return t->offset + (ideal - t->offset) / grain * grain;
}

bool parts_create(Parts *s, const Model *m, size_t (*whole)(const Tensor *t), Processes *p) {
    size_t n = p ? (size_t)p->size : 1, part = p ? (size_t)p->part : 0;
    *s = (Parts){.processes = p, .cut = malloc((n + 1) * sizeof *s->cut)};
    if (!s->cut) return false;
    for (size_t i = 0; i < n; i++) s->cut[i] = cut_before(m, whole, m->arena / n * i);
    s->cut[n] = m->arena;
    s->low = s->cut[part];
    s->high = s->cut[part + 1];
    return true;
}

void parts_free(Parts *s) {
    free(s->cut);
    s->cut = NULL;
}

Tensor parts_tensor(const Parts *s, const Tensor *t) {
    size_t end = t->offset + (size_t)(t->rows * t->cols);
    Tensor part = *t;
    if (s->low <= t->offset && end <= s->high) return part;
    part.offset = s->low > t->offset ? s->low : t->offset;
    end = s->high < end ? s->high : end;
    part.rows = part.offset < end ? (int64_t)(end - part.offset) : 0;
    part.cols = 1;
    return part;
}

void parts_sum(const Parts *s, float *grads) {
    if (s->processes) processes_sum(s->processes, grads, s->cut, PARTS_BLOCK);
}

void parts_spread(const Parts *s, float *weights) {
    if (s->processes) processes_spread(s->processes, weights, s->cut);
}

void parts_join(const Parts *s, double *sums, size_t n) {
    if (s->processes) processes_join(s->processes, sums, n);
}

void parts_collect(const Parts *s, float *state) {
    if (s->processes) processes_collect(s->processes, state, s->cut);
}

void parts_deal(const Parts *s, float *state) {
    if (s->processes) processes_deal(s->processes, state, s->cut);
}

/* Whole pages, which are zero when they are touched again. */
static void give_back(float *from, float *to) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)from + page - 1) / page * page, end = (uintptr_t)to / page * page;
    if (first < end) madvise((void *)first, end - first, MADV_DONTNEED);
}

void parts_forget(const Parts *s, float *state) {
    if (!s->processes) return;
    give_back(state, state + s->low);
    give_back(state + s->high, state + s->cut[s->processes->size]);
}
