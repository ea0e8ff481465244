#include "train/optim/optim.h"

#include <math.h>
#include <stdlib.h>

const Optimiser optimisers[] = {
    {.name = "adamw",
     .help = "Adam with decoupled weight decay (arXiv 1711.05101)",
     .keys = KEY_BETA1 | KEY_BETA2 | KEY_EPS,
     .state = {"exp_avg", "exp_avg_sq"},
     .update = adamw_update},
    {.name = "sgd",
     .help = "the gradient with momentum beta1",
     .keys = KEY_BETA1,
     .state = {"momentum_buffer"},
     .update = sgd_update},
    {.name = "muon",
     .help = "orthogonalised momentum for the blocks' matrices, AdamW for the rest (arXiv 2502.16982)",
     .keys = KEY_BETA1 | KEY_BETA2 | KEY_EPS,
     .state = {"exp_avg", "exp_avg_sq"},
     .scratch = muon_scratch,
     .update = muon_update},
    {.name = "orthoadam",
     .help = "Adam in a random orthogonal basis of each tensor (arXiv 2410.17174)",
     .keys = KEY_BETA1 | KEY_BETA2 | KEY_EPS,
     .state = {"exp_avg", "exp_avg_sq"},
     .fixed = orthoadam_fixed,
     .scratch = orthoadam_scratch,
     .prepare = orthoadam_prepare,
     .update = orthoadam_update},
    {.name = "rmsprop",
     .help = "the gradient over its root mean square (Hinton 2012)",
     .keys = KEY_BETA2 | KEY_EPS,
     .state = {"square_avg"},
     .update = rmsprop_update},
    {.name = "lion",
     .help = "the sign of the momentum (arXiv 2302.06675)",
     .keys = KEY_BETA1 | KEY_BETA2,
     .state = {"exp_avg"},
     .update = lion_update},
    {.name = NULL},
};

const char *optimiser_name(int i) {
    return optimisers[i].name;
}
const char *optimiser_help(int i) {
    return optimisers[i].help;
}

/* Floats that are fixed for a tensor, in whole cache lines. */
static size_t fixed_room(const Optimiser *kind, const Tensor *t) {
    return kind->fixed ? (kind->fixed(t) + 15) / 16 * 16 : 0;
}

static float *room_for(size_t floats) {
    void *p = NULL;
    return posix_memalign(&p, 64, (floats + 16) * sizeof(float)) ? NULL : p;
}

/* Floats of what is fixed for every tensor of a part, one after the other, and of the largest scratch. */
static void count_rooms(const Optimiser *kind, const Parts *parts, const Model *m, size_t *fixed,
                        size_t *scratch) {
    *fixed = *scratch = 0;
    for (int i = 0; i < m->n_tensors; i++) {
        Tensor t = parts_tensor(parts, &m->tensors[i]);
        size_t wanted = kind->scratch && t.rows ? kind->scratch(&t) : 0;
        *scratch = wanted > *scratch ? wanted : *scratch;
        *fixed += t.rows ? fixed_room(kind, &t) : 0;
    }
}

double optim_room(const OptimConfig *c, const Model *m) {
    const Optimiser *kind = &optimisers[c->name];
    size_t fixed, scratch, states = 0;
    count_rooms(kind, &(Parts){.high = m->arena}, m, &fixed, &scratch);
    while (states < OPTIM_STATES && kind->state[states]) states++;
    return (double)(fixed + scratch + states * m->arena) * sizeof(float);
}

static bool prepare(OptimState *o, const Model *m, uint64_t seed) {
    size_t fixed, scratch;
    count_rooms(o->kind, &o->parts, m, &fixed, &scratch);
    o->fixed = room_for(fixed);
    o->scratch = room_for(scratch);
    if (!o->fixed || !o->scratch) return false;
    float *at = o->fixed;
    for (int i = 0; o->kind->prepare && i < m->n_tensors; i++) {
        Tensor t = parts_tensor(&o->parts, &m->tensors[i]);
        if (!t.rows) continue;
        o->kind->prepare(&t, seed, at);
        at += fixed_room(o->kind, &t);
    }
    return true;
}

static void each_state(OptimState *o, void (*pass)(const Parts *parts, float *state)) {
    for (int i = 0; i < OPTIM_STATES; i++)
        if (o->arena[i]) pass(&o->parts, o->arena[i]);
}

void optim_collect(OptimState *o) {
    each_state(o, parts_collect);
}

void optim_deal(OptimState *o) {
    each_state(o, parts_deal);
    optim_forget(o);
}

void optim_forget(OptimState *o) {
    each_state(o, parts_forget);
}

bool optim_create(OptimState *o, const OptimConfig *c, const Model *m, uint64_t seed, Processes *p,
                  Error *e) {
    *o = (OptimState){.kind = &optimisers[c->name]};
    bool ok = parts_create(&o->parts, m, o->kind->scratch, p) && prepare(o, m, seed);
    for (int i = 0; ok && i < OPTIM_STATES && o->kind->state[i]; i++) ok = (o->arena[i] = model_arena(m));
    optim_forget(o);
    if (ok) return true;
    optim_free(o);
    return fail(e, EXIT_FAILED, "optimiser: no memory for %.1f MB of state", (double)m->arena * 4e-6);
}

void optim_free(OptimState *o) {
    for (int i = 0; i < OPTIM_STATES; i++) {
        free(o->arena[i]);
        o->arena[i] = NULL;
    }
    free(o->fixed);
    free(o->scratch);
    o->fixed = o->scratch = NULL;
    parts_free(&o->parts);
}

static int64_t blocks_up_to(size_t n) {
    return (int64_t)((n + PARTS_BLOCK - 1) / PARTS_BLOCK);
}

/* The padding between stages is zero, so the arena is summed whole: each block where it begins. */
static double squares(const Parts *parts, const float *g, size_t n) {
    int64_t blocks = blocks_up_to(n), end_block = blocks_up_to(parts->high);
    double *sums = calloc((size_t)blocks, sizeof *sums), total = 0;
    if (!sums) out_of_memory();
#pragma omp parallel for schedule(static)
    for (int64_t b = blocks_up_to(parts->low); b < end_block; b++) {
        size_t end = (size_t)(b + 1) * PARTS_BLOCK < n ? (size_t)(b + 1) * PARTS_BLOCK : n;
        double part[8] = {0}; /* independent sums, so that they need not wait for each other */
        for (size_t i = (size_t)b * PARTS_BLOCK; i < end; i++) part[i % 8] += (double)g[i] * g[i];
        sums[b] = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
    }
    parts_join(parts, sums, (size_t)blocks);
    for (int64_t b = 0; b < blocks; b++) total += sums[b];
    free(sums);
    return total;
}

/* The scale vectors of norms at a sublayer's input: their decay helps, that of norms at an output harms
 * (arXiv 2605.26895). */
static bool is_input_gain(const Tensor *t) {
    return (t->stage == STAGE_NORM_ATTN || t->stage == STAGE_NORM_MLP) && t->spec->init == INIT_ONE;
}

static bool decays(const OptimConfig *c, const Tensor *t) {
    return t->dims == 2 || c->decay_on == DECAY_ALL || (c->decay_on == DECAY_INPUT_GAINS && is_input_gain(t));
}

double optim_update(OptimState *o, const OptimConfig *c, Model *m, float *grads, int64_t step, double lr) {
    parts_sum(&o->parts, grads);
    double norm = sqrt(squares(&o->parts, grads, m->arena));
    double scale = c->clip > 0 && norm > c->clip ? c->clip / norm : 1;
    const float *fixed = o->fixed;
    for (int i = 0; i < m->n_tensors; i++) {
        Tensor t = parts_tensor(&o->parts, &m->tensors[i]);
        if (!t.rows) continue;
        OptimStep s = {c, step, lr, scale, decays(c, &t), fixed, o->scratch};
        float *state[OPTIM_STATES] = {NULL}, *w = m->params + t.offset;
        for (int k = 0; k < OPTIM_STATES; k++)
            if (o->arena[k]) state[k] = o->arena[k] + t.offset;
        if (o->watch) o->watch->before(o->watch->self, &t, i, w, grads + t.offset);
        o->kind->update(&s, &t, w, grads + t.offset, state);
        if (o->watch) o->watch->after(o->watch->self, &t, i, w);
        fixed += fixed_room(o->kind, &t);
    }
    parts_spread(&o->parts, m->params);
    return norm;
}

Work optim_work(const OptimState *o) {
    double weights = (double)(o->parts.high - o->parts.low);
    int passes = 2 + 2, sums = 2 + 3; /* the norm, clip and weight */
    for (int i = 0; i < OPTIM_STATES; i++) passes += o->arena[i] ? 2 : 0, sums += o->arena[i] ? 5 : 0;
    return (Work){sums * weights, passes * weights * sizeof(float)};
}
