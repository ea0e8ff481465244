#include "train/cadence.h"

#include "model/instruments/instrument.h"

enum { LIGHT_TIMES = 56, HEAVY_EVERY = 5, SAVES = 20 };

int cadence_probe(int64_t step, int64_t steps, int64_t every) {
    if (!every) every = (steps + LIGHT_TIMES - 1) / LIGHT_TIMES;
    if (every < 1) every = 1;
    bool ends = step == 0 || step == steps;
    bool power = step > 0 && (step & (step - 1)) == 0 && step < every;
    int set = 0;
    if (ends || power || step % every == 0) set |= LIGHT;
    if (ends || step % (HEAVY_EVERY * every) == 0) set |= LIGHT | HEAVY;
    return set;
}

int64_t cadence_every(int64_t configured, int64_t steps) {
    if (configured > 0) return configured;
    return steps >= SAVES ? steps / SAVES : 1;
}
