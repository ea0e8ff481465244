#include "train/when_due.h"

#include "model/instruments/instrument.h"

enum { LIGHT_TIMES = 56, HEAVY_EVERY = 5, SAVES = 20, GRADIENT_TIMES = 128, GRADIENT_EVERY = 16 };

static bool is_power(int64_t step) {
    return step > 0 && (step & (step - 1)) == 0;
}

int when_due_probe(int64_t step, int64_t steps, int64_t every) {
    if (!every) every = (steps + LIGHT_TIMES - 1) / LIGHT_TIMES;
    if (every < 1) every = 1;
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

bool when_due_gradients(int64_t step, int64_t steps, int64_t every) {
    if (every < 0) return false;
    int64_t usual = (steps + GRADIENT_TIMES - 1) / GRADIENT_TIMES;
    if (!every) every = usual < GRADIENT_EVERY ? GRADIENT_EVERY : usual;
    return step == steps || step % every == 0 || (step < every && is_power(step));
}

int64_t when_due_every(int64_t configured, int64_t steps) {
    if (configured > 0) return configured;
    return steps >= SAVES ? steps / SAVES : 1;
}
