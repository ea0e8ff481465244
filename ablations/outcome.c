#include "ablations/outcome.h"

#include <string.h>

static const char *const names[] = {
    "val_loss",     "val_loss_1",   "bits_per_byte", "sink_rate_02",  "sink_rate_03",
    "sink_rate_05", "sink_rate_08", "sink_mass",     "max_mass",      "mixing",
    "value_drain",  "norm_ratio",   "onset",         "massive_ratio", "entropy_norm_min",
};
static const char *const probes[] = {"context.", "other_bos.", "random."};
enum { NAMES = sizeof names / sizeof *names, PROBES = sizeof probes / sizeof *probes };

/* The name without its probe. */
static const char *bare(const char *metric) {
    for (int i = 0; i < PROBES; i++)
        if (!strncmp(metric, probes[i], strlen(probes[i]))) return metric + strlen(probes[i]);
    return metric;
}

bool outcome_known(const char *metric) {
    for (int i = 0; i < NAMES; i++)
        if (!strcmp(bare(metric), names[i])) return true;
    return false;
}

void outcome_offer(Nearest *n) {
    n->text = bare(n->text);
    for (int i = 0; i < NAMES; i++) nearest_offer(n, names[i]);
}
