#include "train/optim/schedule.h"

#include <math.h>
#include <stddef.h>

/* The shapes of schedules, each from 1 at p = 0 (end of warm-up) to 0 at p = 1 (last step), between lr and
 * min_lr. */
static double cosine(double p) {
    return 0.5 * (1 + cos(3.141592653589793 * p));
}
static double constant(double p) {
    return (void)p, 1;
}
static double linear(double p) {
    return 1 - p;
}
/* Warm-up, stable, decay: the last fifth falls as 1 - sqrt (arXiv 2405.18392). */
static double stable_decay(double p) {
    return p < 0.8 ? 1 : 1 - sqrt((p - 0.8) / 0.2);
}

static const struct {
    const char *name;
    double (*shape)(double p);
    bool level; /* at 1 until its decay, whenever that begins */
} schedules[] = {{"cosine", cosine, false},
                 {"constant", constant, true},
                 {"linear", linear, false},
                 {"wsd", stable_decay, true},
                 {NULL, NULL, false}};

const char *schedule_name(int i) {
    return schedules[i].name;
}

/* How far a step is between the end of the warm-up and the last one. */
static double progress(const OptimConfig *c, int64_t step, int64_t steps) {
    return steps > c->warmup ? (double)(step - c->warmup) / (double)(steps - c->warmup) : 1;
}

double schedule_lr(const OptimConfig *c, int64_t step, int64_t steps) {
    if (step <= c->warmup) return c->lr * (double)step / (double)c->warmup;
    return c->min_lr + (c->lr - c->min_lr) * schedules[c->schedule].shape(progress(c, step, steps));
}

/* By halves: no shape rises again. */
int64_t schedule_branch(const OptimConfig *c, int64_t steps) {
    int64_t level = c->warmup, fallen = steps + 1;
    while (schedules[c->schedule].level && fallen - level > 1) {
        int64_t step = level + (fallen - level) / 2;
        if (schedules[c->schedule].shape(progress(c, step, steps)) == 1)
            level = step;
        else
            fallen = step;
    }
    return level > c->warmup ? level : 0;
}
