#include "train/when_due.h"

#include "model/instruments/instrument.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LIGHT_TIMES = 56, HEAVY_EVERY = 5, SAVES = 20, GRADIENT_TIMES = 128, GRADIENT_EVERY = 16 };

static bool is_power(int64_t step) {
    return step > 0 && (step & (step - 1)) == 0;
}

int64_t when_due_light_every(int64_t steps, int64_t every) {
    if (!every) every = (steps + LIGHT_TIMES - 1) / LIGHT_TIMES;
    return every < 1 ? 1 : every;
}

int when_due_probe(int64_t step, int64_t steps, int64_t every) {
    every = when_due_light_every(steps, every);
    bool ends = step == 0 || step == steps;
    int set = 0;
    if (ends || (is_power(step) && step < every) || step % every == 0) set |= LIGHT;
    if (ends || step % (HEAVY_EVERY * every) == 0) set |= LIGHT | HEAVY;
    return set;
}

/* The number of map evaluations: at step 0, at the powers of two below `every`, at its multiples, at the end.
 */
static int64_t map_count(int64_t steps, int64_t every) {
    int64_t n = 1 + steps / every + (steps % every != 0);
    for (int64_t power = 1; power < every && power < steps; power *= 2) n++;
    return n;
}

bool when_due_map(int64_t step, int64_t steps, int64_t times) {
    if (step == steps) return true;
    int64_t every = 1;
    while (every < steps && map_count(steps, every) > times) every += every < times ? 1 : every / times + 1;
    if (map_count(steps, every) > times) return false;
    return step % every == 0 || (step < every && is_power(step));
}

int64_t when_due_gradients_every(int64_t steps, int64_t every) {
    int64_t usual = (steps + GRADIENT_TIMES - 1) / GRADIENT_TIMES;
    return every ? every : usual < GRADIENT_EVERY ? GRADIENT_EVERY : usual;
}

bool when_due_gradients(int64_t step, int64_t steps, int64_t every) {
    if (every < 0) return false;
    every = when_due_gradients_every(steps, every);
    return step == steps || step % every == 0 || (step < every && is_power(step));
}

int64_t when_due_every(int64_t configured, int64_t steps) {
    if (configured > 0) return configured;
    return steps >= SAVES ? steps / SAVES : 1;
}

/* ---- what is kept ---- */

static bool is_word(const List *keep, const char *word) {
    return keep->n == 1 && !strcmp(keep->item[0], word);
}

/* The step that an item is; 0: none. */
static int64_t step_of(const char *item) {
    bool number = *item && strlen(item) < 16 && strspn(item, "0123456789") == strlen(item);
    return number ? strtoll(item, NULL, 10) : 0;
}

bool when_due_keep_read(const List *keep, int64_t steps) {
    if (is_word(keep, "last") || is_word(keep, "all") || is_word(keep, "log")) return true;
    bool ok = keep->n > 0;
    for (int i = 0; i < keep->n; i++)
        ok = ok && step_of(keep->item[i]) >= 1 && step_of(keep->item[i]) <= steps;
    return ok;
}

static int64_t log_step(int k) {
    return llround(exp2(k / 2.0));
}

static bool in_log(int64_t step) {
    int k = 0;
    while (log_step(k) < step) k++;
    return log_step(k) == step;
}

static bool is_named(int64_t step, int64_t steps, const List *keep) {
    if (is_word(keep, "log")) return step == steps || in_log(step);
    for (int i = 0; i < keep->n; i++)
        if (step_of(keep->item[i]) == step) return true;
    return false;
}

bool when_due_save(int64_t step, int64_t steps, int64_t every, const List *keep) {
    return step % every == 0 || step == steps || is_named(step, steps, keep);
}

bool when_due_kept(int64_t step, int64_t steps, const List *keep) {
    return is_word(keep, "all") || is_named(step, steps, keep);
}

int64_t when_due_kept_count(int64_t steps, int64_t every, const List *keep) {
    int64_t n = 1, before = 0;
    if (is_word(keep, "all")) return (steps + every - 1) / every;
    for (int k = 0; is_word(keep, "log") && log_step(k) < steps; before = log_step(k++))
        n += log_step(k) > before;
    for (int i = 0; i < keep->n; i++) {
        int twin = 0;
        while (step_of(keep->item[twin]) != step_of(keep->item[i])) twin++;
        n += twin == i && step_of(keep->item[i]) && step_of(keep->item[i]) < steps;
    }
    return n;
}
