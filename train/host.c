#include "train/host.h"

#include "build/version.h"
#include "model/kernels/gemm_packed.h"
#include "train/cgroup.h"

#include <math.h>
#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void host_name(char *out, size_t room) {
    if (gethostname(out, room)) snprintf(out, room, "unknown");
    out[room - 1] = 0;
}

/* The value of a line of /proc/cpuinfo, where the line is of that word. */
static void take_value(const char *line, const char *word, char *out, size_t room) {
    const char *colon = strchr(line, ':');
    size_t n = strlen(word);
    if (strncmp(line, word, n) || !colon || line[n + strspn(line + n, " \t")] != ':') return;
    snprintf(out, room, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
}

void host_cpu(char *out, size_t room) {
    enum { FAMILY, MODEL, NAME, FIELDS };
    static const char *const words[FIELDS] = {"cpu family", "model", "model name"};
    char line[256], value[FIELDS][64] = {"", "", "unknown"};
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f) && *line != '\n')
        for (int i = 0; i < FIELDS; i++) take_value(line, words[i], value[i], sizeof value[i]);
    if (f) fclose(f);
    if (*value[FAMILY] && *value[MODEL])
        snprintf(out, room, "%s (family %s, model %s)", value[NAME], value[FAMILY], value[MODEL]);
    else
        snprintf(out, room, "%s", value[NAME]);
}

double host_memory(bool *limited) {
    double ram = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGE_SIZE);
    double limit = cgroup_limits("").memory;
    *limited = limit < ram;
    return fmin(ram, limit);
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

const char *host_target(void) {
    static const char target[] = "/" SINKLAB_TARGET;
    return strcmp(target, "/native") ? target : "";
}

/* OpenMP pins the first thread before main where OMP_PROC_BIND or OMP_PLACES say so; its places are the cores
 * that the process was given. */
void host_allowed(cpu_set_t *set) {
    CPU_ZERO(set);
    int places = omp_get_proc_bind() == omp_proc_bind_false ? 0 : omp_get_num_places();
    for (int i = 0; i < places; i++) {
        int n = omp_get_place_num_procs(i), *cpu = n > 0 ? malloc((size_t)n * sizeof *cpu) : NULL;
        if (!cpu) continue;
        omp_get_place_proc_ids(i, cpu);
        for (int k = 0; k < n; k++) CPU_SET(cpu[k], set);
        free(cpu);
    }
    if (!CPU_COUNT(set) && sched_getaffinity(0, sizeof *set, set)) CPU_SET(0, set);
}

/* A quota of one and a half cores is one: threads that wait for one of them that is held back do nothing. */
static int quota(void) {
    double cores = cgroup_limits("").cores;
    return cores < 1 ? 1 : cores < CPU_SETSIZE ? (int)cores : CPU_SETSIZE;
}

int host_cores(void) {
    cpu_set_t set;
    host_allowed(&set);
    int allowed = CPU_COUNT(&set), most = quota();
    return allowed < most ? allowed : most;
}

/* ---- stacks ---- */

enum { STACK_USUAL = 8 << 20 };

/* What a thread needs: panels of the own product take 0.8 MB, all else some 0.1. */
static size_t stack_least(void) {
    return gemm_packed_supported() ? 2 << 20 : 1 << 18;
}

/* Bytes that OMP_STACKSIZE asks for, a number and B, K (none), M or G; 0: it is not set, or not understood
 * and so passed over by OpenMP, too. */
static double stack_asked(const char *text) {
    double bytes = 0;
    char unit = 'k';
    if (!text || sscanf(text, "%lf %c", &bytes, &unit) < 1) return 0;
    switch (unit | ' ') {
    case 'b':
        return bytes;
    case 'm':
        return bytes * 0x1p20;
    case 'g':
        return bytes * 0x1p30;
    default:
        return bytes * 0x1p10;
    }
}

/* Raises small stacks, `ulimit -s 512`: the first thread's grows up to the limit as it is then, and the
 * others get what is the default when they start. */
static bool stacks_suffice(Error *e) {
    struct rlimit limit;
    pthread_attr_t attributes;
    size_t bytes = 0, least = stack_least();
    double asked = stack_asked(getenv("OMP_STACKSIZE"));
    if (asked > 0 && asked < (double)least)
        return fail(e, EXIT_USAGE,
                    "OMP_STACKSIZE: %s: threads need %zuK of stack or more (unset it: 8M is usual)",
                    getenv("OMP_STACKSIZE"), least >> 10);
    if (!getrlimit(RLIMIT_STACK, &limit) && limit.rlim_cur < least) {
        limit.rlim_cur = limit.rlim_max < STACK_USUAL ? limit.rlim_max : STACK_USUAL;
        if (limit.rlim_cur < least || setrlimit(RLIMIT_STACK, &limit))
            return fail(e, EXIT_USAGE,
                        "stack: %.1f MB are too small, and may not be raised (ulimit -Hs 8192)",
                        (double)limit.rlim_max * 0x1p-20);
    }
    if (pthread_getattr_default_np(&attributes)) return true;
    bool small = !pthread_attr_getstacksize(&attributes, &bytes) && bytes < least;
    if (small && !pthread_attr_setstacksize(&attributes, STACK_USUAL))
        pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
    return true;
}

bool host_threads(int64_t configured, int *threads, Error *e) {
    if (!stacks_suffice(e)) return false;
    int cores = host_cores();
    const char *variable = getenv("OMP_NUM_THREADS");
    long asked = configured ? (long)configured : variable && atol(variable) > 0 ? atol(variable) : cores;
    if (asked > cores)
        return fail(e, EXIT_USAGE, "%s: %ld threads on %d core%s%s (barriers collapse; ask for at most %d)",
                    configured ? "run.threads" : "OMP_NUM_THREADS", asked, cores, cores > 1 ? "s" : "",
                    cores == quota() ? ", its container's share" : "", cores);
    omp_set_num_threads((int)asked);
    *threads = (int)asked;
    return true;
}
