#include "train/config/config.h"
#include "train/config/conflicts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number of steps at the scale, one at the least; what says no number of steps (0, -1) stays. */
static int64_t scaled(int64_t steps, double scale) {
    if (steps <= 0) return steps;
    int64_t short_of = llround((double)steps * scale);
    return short_of > 0 ? short_of : 1;
}

/* The steps that items of a list begin with, "1000:64" as "1000"; words stay, and of two that become the same
 * the last. */
static void scale_list(List *list, double scale) {
    List made = {0};
    for (int i = 0; i < list->n; i++) {
        char *rest, item[LIST_TEXT];
        int64_t step = strtoll(list->item[i], &rest, 10);
        snprintf(item, sizeof item, "%lld%s", (long long)scaled(step, scale), rest);
        if (rest == list->item[i]) strcpy(item, list->item[i]);
        bool same = made.n && strtoll(made.item[made.n - 1], NULL, 10) == strtoll(item, NULL, 10) &&
                    rest != list->item[i];
        strcpy(made.item[same ? made.n - 1 : made.n], item);
        made.n += !same;
    }
    *list = made;
}

bool config_shorten(Config *c, int64_t steps, Error *e) {
    double scale = (double)steps / (double)c->train.steps;
    if (steps < 1) return fail(e, EXIT_USAGE, "command line: --short: %lld steps?", (long long)steps);
    if (scale >= 1) return true;
    int64_t *const in_steps[] = {&c->optim.warmup, &c->probe.every, &c->probe.gradients,
                                 &c->run.checkpoint_every, &c->run.log_every};
    for (size_t i = 0; i < sizeof in_steps / sizeof *in_steps; i++)
        *in_steps[i] = scaled(*in_steps[i], scale);
    scale_list(&c->train.context_schedule, scale);
    scale_list(&c->run.keep, scale);
    c->train.steps = steps;
    return config_check(c, e);
}
