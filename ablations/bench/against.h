/* Owns: what was measured now beside a former `sinklab bench --json`: speeds and shares of peak.
 * Does not own: the measurements (rounds.h). */
#ifndef SINKLAB_BENCH_AGAINST_H
#define SINKLAB_BENCH_AGAINST_H

#include "ablations/bench/rounds.h"
#include "train/config/yaml.h"

#include <stdio.h>

/* To be asked before minutes are spent on measuring: refuses (EXIT_USAGE) what is no such file, and one that
 * has none of the configurations. NULL on failure. */
Yaml *against_load(const char *path, const Bench *b, Error *e);
void against_show(FILE *out, const Bench *b, const Yaml *file, const char *path);

#endif
