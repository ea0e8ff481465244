/* Owns: `probe --list`: one row an instrument, what it is and where its figures are.
 * Does not own: the definitions of those that a training run has too (model/instruments). */
#ifndef SINKLAB_PROBE_LIST_H
#define SINKLAB_PROBE_LIST_H

#include <stdbool.h>

void instruments_list(bool json);

#endif
