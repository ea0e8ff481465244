/* Owns: what was measured as text for people, as JSON for programs.
 * Does not own: the measurements (rounds.h). */
#ifndef SINKLAB_BENCH_SHOW_H
#define SINKLAB_BENCH_SHOW_H

#include "ablations/bench/rounds.h"

#include <stdio.h>

void show_machine(FILE *out, const BenchMachine *m);
void show_text(FILE *out, const Bench *b);
void show_json(FILE *out, const Bench *b);

#endif
