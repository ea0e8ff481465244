/* Owns: what is to be known of this machine and this program: name, CPU, memory, cores, commit.
 * Does not own: how fast it is (model/kernels/peak.h), whether it can run this program (train/cpu_check.h).
 */
#ifndef SINKLAB_HOST_H
#define SINKLAB_HOST_H

#include "data/base/error.h"

#include <sched.h>
#include <stddef.h>
#include <stdint.h>

void host_name(char *out, size_t room);
/* Its processor's name, with family and model where the kernel tells: Zen 4 and Zen 5 both are "AMD EPYC". */
void host_cpu(char *out, size_t room);
/* Bytes of RAM, or what the process's container allows of them: *limited. */
double host_memory(bool *limited);
/* The most bytes this process had resident since it was forgotten; 0: not told. */
double host_memory_most(void);
void host_memory_forget(void);
/* The commit this program was built from, "-dirty" behind it if changed. */
const char *host_git(void);

/* What the program was compiled for, "/x86-64-v3"; "" where that is the very CPU that compiled it. Other
 * targets round otherwise. */
const char *host_target(void);
/* The CPUs that this process was given, whatever OpenMP has pinned already. */
void host_allowed(cpu_set_t *set);
/* Cores that this process may use: those, or what a container's quota leaves of their time, at least one. */
int host_cores(void);

/* Threads a run takes: as configured, or OMP_NUM_THREADS, or one a core; more than cores is refused,
 * since barriers of more threads than cores collapse. Sets OpenMP's number. Raises stacks that are too small
 * for a product, or refuses them where it cannot. */
bool host_threads(int64_t configured, int *threads, Error *e);

#endif
