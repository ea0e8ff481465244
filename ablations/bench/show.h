/* Owns: what was measured as text for people, as JSON for programs, as Markdown to keep.
 * Does not own: the measurements (rounds.h). */
#ifndef SINKLAB_BENCH_SHOW_H
#define SINKLAB_BENCH_SHOW_H

#include "ablations/bench/rounds.h"

#include <stdio.h>

void show_machine(FILE *out, const BenchMachine *m);
void show_text(FILE *out, const Bench *b);
void show_json(FILE *out, const Bench *b);
void show_markdown(FILE *out, const Bench *b);

/* folder/CPU-N-threads.md and .json, the folder made if need be; `path` is that of the JSON. */
bool show_save(const Bench *b, const char *folder, char *path, size_t room, Error *e);

#endif
