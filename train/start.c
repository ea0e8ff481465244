/* Owns: main: of the programs that were compiled for several kinds of CPU (one, or make sinklab-any's) the
 * first that this CPU can run, or the one that SINKLAB_CPU names; nothing of them runs before. Compiled for
 * any CPU of its kind (see Makefile). Does not own: the check (train/cpu_check.h), the program
 * (train/main.c). */
#include "train/commands/command.h"
#include "train/cpu_check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SPINS "3000"

typedef struct Program {
    const char *name;
    const CpuFeatures *needs;
    int (*run)(int argc, char **argv);
} Program;

#ifdef PROGRAMS /* ROW(v4) ROW(v3) ...: the widest first; their names end so (see Makefile) */
#define ROW(name)                                                                                            \
    int program_##name(int argc, char **argv);                                                               \
    extern const CpuFeatures program_features_##name;
PROGRAMS
#undef ROW
#define ROW(name) {#name, &program_features_##name, program_##name},
#else
#define PROGRAMS {"native", &program_features, program},
#endif

static const Program programs[] = {PROGRAMS};
enum { N = sizeof programs / sizeof *programs };

static int no_such_program(const char *name) {
    fprintf(stderr, "sinklab: SINKLAB_CPU: there is no program for %s (there is:", name);
    for (int i = 0; i < N; i++) fprintf(stderr, " %s", programs[i].name);
    fprintf(stderr, ")\n");
    return EXIT_USAGE;
}

/* Threads that wait for one another yield the core after some microseconds: one that spins on beside a busy
 * neighbour may hold up the very thread that it waits for (the demo took seven times as long on two busy
 * cores). OpenMP reads it before main, hence the new start; not where the user says how threads wait, or
 * places them, since OpenMP has then bound this one, nor in a job of Slurm's, whose cores have no neighbours.
 */
static void wait_briefly(char **argv) {
    static const char *const said[] = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY",   "OMP_PROC_BIND",
                                       "OMP_PLACES",     "GOMP_CPU_AFFINITY", "SLURM_JOB_ID"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        if (getenv(said[i])) return;
    if (!setenv("GOMP_SPINCOUNT", SPINS, 0)) execv("/proc/self/exe", argv);
}

int main(int argc, char **argv) {
    wait_briefly(argv);
    const char *name = getenv("SINKLAB_CPU");
    char line[256] = "";
    CpuFeatures there = cpu_has();
    for (int i = 0; i < N; i++)
        if ((!name || !strcmp(name, programs[i].name)) &&
            cpu_suffices(programs[i].needs, &there, line, sizeof line))
            return programs[i].run(argc, argv);
    if (name && !*line) return no_such_program(name);
    fprintf(stderr, "%s\n", line);
    return EXIT_FAILED;
}
