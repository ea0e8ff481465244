/* Owns: the parts of a sweep's file that are read in files of their own; sweep.c has the order. Each checks
 * what it reads, and tells a mistake by file, line and column with exit code 2. */
#ifndef SINKLAB_SWEEP_PARTS_H
#define SINKLAB_SWEEP_PARTS_H

#include "ablations/sweep/sweep_reader.h"

/* sweep_axes.c: what runs have in common, what varies, and the seeds. */
bool sweep_read_set(SweepReader *p, const Yaml *value);
bool sweep_read_grid(SweepReader *p, const Yaml *value);
bool sweep_read_zip(SweepReader *p, const Yaml *value);
bool sweep_read_seeds(SweepReader *p, const Yaml *value);
bool sweep_add_seed(SweepReader *p, const Yaml *at, int64_t seed);

/* A number of seeds, counted from `first`, or a list of them. */
bool sweep_add_seeds(SweepReader *p, const Yaml *value, int64_t first);

/* sweep_sides.c: what is compared, tuned and left out; exclude after the axes have been combined. */
bool sweep_read_compare(SweepReader *p, const Yaml *value);
bool sweep_read_tune(SweepReader *p, const Yaml *value);
bool sweep_read_exclude(SweepReader *p, const Yaml *value);

/* sweep_expect.c: what is expected, and the queries that are asked. */
bool sweep_read_expect(SweepReader *p, const Yaml *value);
bool sweep_read_tables(SweepReader *p, const Yaml *value);
bool sweep_read_fits(SweepReader *p, const Yaml *value);
bool sweep_read_needs(SweepReader *p, const Yaml *value);

#endif
