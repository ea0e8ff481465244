#include "train/optim.h"

#include "train/optim/adamw.h"

#include <math.h>
#include <stdlib.h>

enum { NORM_BLOCK = 4096 }; /* gradients summed together, whatever the threads */

const Optimiser optimisers[] = {
    {.name = "adamw",
     .help = "Adam with decoupled weight decay (arXiv 1711.05101)",
     .state = {"exp_avg", "exp_avg_sq"},
     .update = adamw_update},
    {.name = NULL},
};

const char *optimiser_name(int i) {
    return optimisers[i].name;
}

bool optim_create(OptimState *o, const OptimConfig *c, const Model *m, Error *e) {
    *o = (OptimState){.kind = &optimisers[c->name]};
    for (int i = 0; i < OPTIM_STATES && o->kind->state[i]; i++) {
        o->arena[i] = model_arena(m);
        if (o->arena[i]) continue;
        optim_free(o);
        return fail(e, EXIT_FAILED, "optimiser: no memory for %.1f MB of state", (double)m->arena * 4e-6);
    }
    return true;
}

void optim_free(OptimState *o) {
    for (int i = 0; i < OPTIM_STATES; i++) {
        free(o->arena[i]);
        o->arena[i] = NULL;
    }
}

/* The padding between stages is zero, so the arena is summed whole. */
static double squares(const float *g, size_t n) {
    int64_t blocks = (int64_t)((n + NORM_BLOCK - 1) / NORM_BLOCK);
    double *sums = malloc((size_t)blocks * sizeof *sums), total = 0;
    if (!sums) return NAN;
#pragma omp parallel for schedule(static)
    for (int64_t b = 0; b < blocks; b++) {
        size_t end = (size_t)(b + 1) * NORM_BLOCK < n ? (size_t)(b + 1) * NORM_BLOCK : n;
        double part[8] = {0}; /* independent sums, so that they need not wait for each other */
        for (size_t i = (size_t)b * NORM_BLOCK; i < end; i++) part[i % 8] += (double)g[i] * g[i];
        sums[b] = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    }
    for (int64_t b = 0; b < blocks; b++) total += sums[b];
    free(sums);
    return total;
}

double optim_update(OptimState *o, const OptimConfig *c, Model *m, const float *grads, int64_t step,
                    double lr) {
    double norm = sqrt(squares(grads, m->arena));
    double scale = c->clip > 0 && norm > c->clip ? c->clip / norm : 1;
    for (int i = 0; i < m->n_tensors; i++) {
        const Tensor *t = &m->tensors[i];
        OptimStep s = {c, step, lr, scale, c->decay_on == DECAY_ALL || t->dims == 2};
        float *state[OPTIM_STATES] = {NULL};
        for (int k = 0; k < OPTIM_STATES; k++)
            if (o->arena[k]) state[k] = o->arena[k] + t->offset;
        o->kind->update(&s, t, m->params + t->offset, grads + t->offset, state);
    }
    return norm;
}

double optim_bytes(const OptimState *o, const Model *m) {
    int passes = 2 + 2;
    for (int i = 0; i < OPTIM_STATES; i++) passes += o->arena[i] ? 2 : 0;
    return (double)passes * (double)m->arena * sizeof(float);
}
