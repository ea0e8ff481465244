/* Owns: what a run's instruments cost it: steps with and without them, taking turns, and each kind of
 * evaluation, as often as the run's own cadence has it. Does not own: how that is shown (ablations/bench/).
 */
#ifndef SINKLAB_COST_H
#define SINKLAB_COST_H

#include "train/config/config.h"

/* Shares are of a run's time without any logging. */
typedef struct Cost {
    double step_ms;   /* nothing logged; median */
    double heads;     /* step_head: measured in the pass, every step */
    double rows;      /* step and step_head rows into a database, every step */
    double gradients; /* step_layer and step_tensor, at the steps of probe.gradients */
    double light_ms, heavy_ms, last_ms, maps_ms; /* an evaluation of each kind */
    int lights, heavies, maps;                   /* in a run; the last evaluation is counted apart */
    double probes;                               /* all evaluations and maps of the run */
} Cost;

/* `rounds` times a step of each kind in turn, after one that is not counted. The run's text must have been
 * prepared in the folder `cache`. */
bool cost_measure(const Config *c, const char *cache, int rounds, Cost *out, Error *e);

#endif
