#include "ablations/sweep/sweep_metrics.h"

#include <string.h>

/* What a probe measures; onset is of the whole run. */
#define AT(probe)                                                                                            \
    probe "val_loss", probe "val_loss_1", probe "bits_per_byte", probe "sink_rate_02", probe "sink_rate_03", \
        probe "sink_rate_05", probe "sink_rate_08", probe "sink_mass", probe "max_mass", probe "mixing",     \
        probe "value_drain", probe "norm_ratio", probe "massive_ratio", probe "entropy_norm_min"

static const char *const names[] = {AT(""), "onset", AT("context."), AT("other_bos."), AT("random.")};
enum { NAMES = sizeof names / sizeof *names };

bool sweep_metric_known(const char *metric) {
    for (int i = 0; i < NAMES; i++)
        if (!strcmp(metric, names[i])) return true;
    return false;
}

void sweep_metrics_offer(DidYouMean *n) {
    const char *dot = strrchr(n->text, '.');
    for (int i = 0; i < NAMES; i++) did_you_mean_offer(n, names[i]);
    if (n->best || !dot) return;
    n->text = dot + 1; /* no such probe, or not of this probe: the figure alone */
    for (int i = 0; i < NAMES; i++) did_you_mean_offer(n, names[i]);
}
