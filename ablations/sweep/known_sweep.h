/* Owns: a sweep that is asked for by its name: whether a database has it, and which file here would be it.
 * Does not own: what the file says (ablations/sweep/sweep.h). */
#ifndef SINKLAB_KNOWN_SWEEP_H
#define SINKLAB_KNOWN_SWEEP_H

#include "data/base/files.h"
#include "train/store/store.h"

/* The path of the file of a sweep of that name: beside the user, in ablations/ or in ablations/claims/. */
bool sweep_file(const char *name, Path *out);

/* Whether the database has that sweep (NULL: none is asked for); else it is `command`'s user's mistake, and
 * the line says what would bring the sweep in. */
bool sweep_is_known(Store *s, const char *name, const char *command, Error *e);

/* With results files no sweep is recorded: prints which command makes a sweep of the runs of `folder`, where
 * it has those of one that the database lacks. */
bool sweeps_tell_missing(Store *s, const char *folder, Error *e);

#endif
