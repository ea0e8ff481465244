/* Owns: whether a CPU has the instructions that a program was built to use. Compiled for any CPU of its kind,
 * and calls nothing that is not (see Makefile). Does not own: which those are (model/kernels/cpu_features.h).
 */
#ifndef SINKLAB_CPU_CHECK_H
#define SINKLAB_CPU_CHECK_H

#include "model/kernels/cpu_features.h"

#include <stddef.h>

/* The features of this CPU. */
CpuFeatures cpu_has(void);

/* Whether all needed features are there; otherwise `line` says which are not, and what helps. */
bool cpu_suffices(const CpuFeatures *needed, const CpuFeatures *there, char *line, size_t room);

#endif
