#include "train/other_work.h"

#include "train/host.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BUSY_US = 300000, EVERY_S = 2, LOOKS = 30 };

/* A core of which others take less than this is one that they leave: what systems do beside. */
static const double SLIGHT = 0.4;

/* What the kernel has counted for the CPUs of a set since the machine started, in ticks: all, and those for
 * work. */
static bool read_ticks(const char *stat, const cpu_set_t *set, double *all, double *busy) {
    char line[512];
    FILE *f = fopen(stat, "r");
    for (*all = *busy = 0; f && fgets(line, sizeof line, f);) {
        int cpu;
        enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, TICKS };
        double t[TICKS];
        if (line[3] == ' ' || /* all CPUs together */
            sscanf(line, "cpu%d %lf %lf %lf %lf %lf %lf %lf %lf", &cpu, t, t + 1, t + 2, t + 3, t + 4, t + 5,
                   t + 6, t + 7) != TICKS + 1 ||
            cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, set))
            continue;
        for (int i = 0; i < TICKS; i++) *all += t[i];
        *busy += t[USER] + t[NICE] + t[SYSTEM] + t[IRQ] + t[SOFTIRQ];
    }
    if (f) fclose(f);
    return *all > 0;
}

double other_work_busy(void) {
    cpu_set_t set;
    double all[2], busy[2];
    host_allowed(&set);
    bool known = read_ticks("/proc/stat", &set, &all[0], &busy[0]);
    usleep(BUSY_US);
    known = known && read_ticks("/proc/stat", &set, &all[1], &busy[1]) && all[1] > all[0];
    return known ? fmax(0, (busy[1] - busy[0]) / (all[1] - all[0])) : NAN;
}

static double own_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int threads_beside(double others, int cpus, int most) {
    int left = (int)floor(cpus - others + SLIGHT);
    return left < 1 ? 1 : left < most ? left : most;
}

void other_work_start(OtherWork *w, int threads) {
    *w = (OtherWork){.stat = "/proc/stat", .most = threads, .every = EVERY_S, .threads = threads};
    host_allowed(&w->cpus);
    w->at = omp_get_wtime();
    w->own = own_seconds();
    read_ticks(w->stat, &w->cpus, &w->all, &w->busy);
}

int other_work_threads(OtherWork *w) {
    double now = omp_get_wtime(), all, busy;
    if (w->most == 1 || now - w->at < w->every) return w->threads;
    int cpus = CPU_COUNT(&w->cpus);
    double own = own_seconds(), taken = (own - w->own) / (now - w->at);
    bool known = read_ticks(w->stat, &w->cpus, &all, &busy) && w->all > 0 && all > w->all;
    double others = known ? cpus * (busy - w->busy) / (all - w->all) - taken : 0;
    bool try = w->threads < w->most && ++w->looks == LOOKS;
    if (try || w->threads == w->most) w->looks = 0;
    w->threads = try ? w->most : threads_beside(others, cpus, w->most);
    w->at = now, w->own = own, w->all = all, w->busy = busy;
    return w->threads;
}
