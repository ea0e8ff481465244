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
} schedules[] = {
    {"cosine", cosine}, {"constant", constant}, {"linear", linear}, {"wsd", stable_decay}, {NULL, NULL},
};

const char *schedule_name(int i) {
    return schedules[i].name;
}

double schedule_lr(const OptimConfig *c, int64_t step, int64_t steps) {
    if (step <= c->warmup) return c->lr * (double)step / (double)c->warmup;
    double p = steps > c->warmup ? (double)(step - c->warmup) / (double)(steps - c->warmup) : 1;
    return c->min_lr + (c->lr - c->min_lr) * schedules[c->schedule].shape(p);
}
