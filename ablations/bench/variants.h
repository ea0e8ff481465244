/* Owns: the speed of every preset beside the baseline's, whose steps take turns with it.
 * Does not own: a step (train/bench.h). */
#ifndef SINKLAB_BENCH_VARIANTS_H
#define SINKLAB_BENCH_VARIANTS_H

#include "train/bench.h"

/* Measures the presets of `config` with the settings key=value over it; prints each when it is done. */
bool variants_show(const BenchMachine *m, char *config, int sets, char *const *set, int steps, bool json,
                   Error *e);

#endif
