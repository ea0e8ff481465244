#include "train/cgroup.h"

#include "data/base/files.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- limits of one group, a folder ---- */

/* The numbers that a file begins with; how many. */
static int read_numbers(const char *folder, const char *name, double *first, double *second) {
    FILE *f = fopen(path_of("%s/%s", folder, name).s, "r");
    int n = f ? fscanf(f, "%lf %lf", first, second) : 0; /* "max" is none */
    if (f) fclose(f);
    return n;
}

static double memory_v1(const char *folder) {
    double bytes, none;
    return read_numbers(folder, "memory.limit_in_bytes", &bytes, &none) == 1 ? bytes : INFINITY;
}

static double memory_v2(const char *folder) {
    double bytes, none;
    return read_numbers(folder, "memory.max", &bytes, &none) == 1 ? bytes : INFINITY;
}

static double cores_v1(const char *folder) {
    double quota, period, none;
    bool told = read_numbers(folder, "cpu.cfs_quota_us", &quota, &none) == 1 &&
                read_numbers(folder, "cpu.cfs_period_us", &period, &none) == 1;
    return told && quota > 0 && period > 0 ? quota / period : INFINITY;
}

static double cores_v2(const char *folder) {
    double quota, period;
    bool told = read_numbers(folder, "cpu.max", &quota, &period) == 2;
    return told && quota > 0 && period > 0 ? quota / period : INFINITY;
}

/* ---- where the group is ---- */

/* Whether a list "a,b,c" has the word. */
static bool has_word(const char *list, const char *word) {
    size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (!strncmp(at, word, n) && (!at[n] || at[n] == ',')) return true;
    return false;
}

/* A hierarchy as it is mounted, by /proc/self/mountinfo; controller NULL: that of v2. */
static bool find_mount(const char *root, const char *controller, Path *at, Path *part) {
    char line[2 * PATH_BYTES], type[32], options[1024];
    FILE *f = fopen(path_of("%s/proc/self/mountinfo", root).s, "r");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        const char *tail = strstr(line, " - ");
        found = tail && sscanf(tail, " - %31s %*s %1023s", type, options) == 2 &&
                sscanf(line, "%*s %*s %*s %4095s %4095s", part->s, at->s) == 2 &&
                (controller ? !strcmp(type, "cgroup") && has_word(options, controller)
                            : !strcmp(type, "cgroup2"));
    }
    if (f) fclose(f);
    return found;
}

/* The process's group in a hierarchy, by /proc/self/cgroup: ID:CONTROLLERS:PATH. */
static bool find_group(const char *root, const char *controller, Path *group) {
    char line[2 * PATH_BYTES];
    FILE *f = fopen(path_of("%s/proc/self/cgroup", root).s, "r");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f)) {
        char *rest = line;
        strsep(&rest, ":");
        const char *controllers = strsep(&rest, ":");
        if (!rest) continue;
        rest[strcspn(rest, "\n")] = 0;
        found = controller ? has_word(controllers, controller) : !*controllers;
        if (found) *group = path_of("%s", rest);
    }
    if (f) fclose(f);
    return found;
}

/* The least of a limit from the process's group up to where the hierarchy is mounted. In a container that
 * sees its own group as the whole, folders of the path are not there, and are passed over. */
static double tightest(const char *root, const char *controller, double (*limit)(const char *folder)) {
    Path at, part, group;
    double least = INFINITY;
    if (!find_mount(root, controller, &at, &part) || !find_group(root, controller, &group)) return least;
    size_t known = strlen(part.s);
    if (known > 1 && !strncmp(group.s, part.s, known))
        memmove(group.s, group.s + known, strlen(group.s + known) + 1);
    for (char *slash = group.s + strlen(group.s); slash; slash = strrchr(group.s, '/')) {
        *slash = 0;
        least = fmin(least, limit(path_of("%s%s%s", root, at.s, group.s).s));
    }
    return least;
}

CgroupLimits cgroup_limits(const char *root) {
    return (CgroupLimits){.memory =
                              fmin(tightest(root, NULL, memory_v2), tightest(root, "memory", memory_v1)),
                          .cores = fmin(tightest(root, NULL, cores_v2), tightest(root, "cpu", cores_v1))};
}
