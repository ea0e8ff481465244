#include "train/host.h"

#include "build/version.h"

#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void host_name(char *out, size_t room) {
    if (gethostname(out, room)) snprintf(out, room, "unknown");
    out[room - 1] = 0;
}

void host_cpu(char *out, size_t room) {
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(out, room, "unknown");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon) continue;
        snprintf(out, room, "%s", colon + 2);
        out[strcspn(out, "\n")] = 0;
        break;
    }
    if (f) fclose(f);
}

double host_memory(void) {
    return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGE_SIZE);
}

double host_memory_most(void) {
    char line[256];
    long kilobytes = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f) && sscanf(line, "VmHWM: %ld", &kilobytes) != 1) continue;
    if (f) fclose(f);
    return (double)kilobytes * 1024;
}

void host_memory_forget(void) {
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f) return;
    fputs("5", f); /* proc(5): the peak becomes the present size */
    fclose(f);
}

const char *host_git(void) {
    return SINKLAB_GIT;
}

int host_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set)) return 1;
    return CPU_COUNT(&set);
}

bool host_threads(int64_t configured, int *threads, Error *e) {
    int cores = host_cores();
    const char *variable = getenv("OMP_NUM_THREADS");
    long asked = configured ? (long)configured : variable && atol(variable) > 0 ? atol(variable) : cores;
    if (asked > cores)
        return fail(e, EXIT_USAGE, "%s: %ld threads on %d core%s (barriers collapse; ask for at most %d)",
                    configured ? "run.threads" : "OMP_NUM_THREADS", asked, cores, cores > 1 ? "s" : "",
                    cores);
    omp_set_num_threads((int)asked);
    *threads = (int)asked;
    return true;
}
