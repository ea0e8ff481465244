/* Limits of control groups, in trees planted as the kernel shows them. */
#include "tests/data/fixture.h"

#include "train/cgroup.h"

#include <math.h>

typedef struct File {
    const char *path, *text;
} File;

#define V2 "31 23 0:28 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
#define V1(name, part)                                                                                       \
    "32 31 0:29 " part " /sys/fs/cgroup/" name " rw,relatime shared:9 - cgroup cgroup rw," name "\n"
#define MOUNTS "proc/self/mountinfo"
#define GROUPS "proc/self/cgroup"

static const struct Tree {
    File files[8];
    double memory, cores;
} trees[] = {
    /* nothing, and no limits */
    {{{0}}, INFINITY, INFINITY},
    {{{MOUNTS, V2},
      {GROUPS, "0::/a\n"},
      {"sys/fs/cgroup/a/memory.max", "max\n"},
      {"sys/fs/cgroup/a/cpu.max", "max 100000\n"}},
     INFINITY,
     INFINITY},
    /* v2: the group's own, and a tighter one above it */
    {{{MOUNTS, V2},
      {GROUPS, "0::/a/b\n"},
      {"sys/fs/cgroup/a/b/memory.max", "2000000\n"},
      {"sys/fs/cgroup/a/memory.max", "1000000\n"},
      {"sys/fs/cgroup/a/b/cpu.max", "150000 100000\n"},
      {"sys/fs/cgroup/a/cpu.max", "400000 100000\n"}},
     1e6,
     1.5},
    /* v2 in a container, whose own group is the root */
    {{{MOUNTS, V2},
      {GROUPS, "0::/\n"},
      {"sys/fs/cgroup/memory.max", "4096\n"},
      {"sys/fs/cgroup/cpu.max", "50000 100000\n"}},
     4096,
     0.5},
    /* v1: a hierarchy a controller; -1 is no quota */
    {{{MOUNTS, V1("memory", "/") V1("cpu,cpuacct", "/")},
      {GROUPS, "4:memory:/job\n2:cpu,cpuacct:/job\n1:name=systemd:/\n"},
      {"sys/fs/cgroup/memory/job/memory.limit_in_bytes", "209715200\n"},
      {"sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "-1\n"},
      {"sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n"}},
     209715200,
     INFINITY},
    /* v1 in a container: the path is the host's, the mount is the group */
    {{{MOUNTS, V1("memory", "/") V1("cpu", "/")},
      {GROUPS, "4:memory:/docker/1234\n2:cpu:/docker/1234\n"},
      {"sys/fs/cgroup/memory/memory.limit_in_bytes", "123\n"},
      {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n"},
      {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}},
     123,
     2},
    /* v1, of which the part below /docker/1234 is mounted; cpuset is not cpu */
    {{{MOUNTS, V1("cpuset", "/") V1("memory", "/docker/1234")},
      {GROUPS, "5:cpuset:/\n4:memory:/docker/1234/inner\n"},
      {"sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "77\n"},
      {"sys/fs/cgroup/cpuset/cpu.cfs_quota_us", "1\n"}},
     77,
     INFINITY},
    /* what is no number limits nothing */
    {{{MOUNTS, V2 "cut short\n"},
      {GROUPS, "no colons\n0::/\n"},
      {"sys/fs/cgroup/memory.max", "lots\n"},
      {"sys/fs/cgroup/cpu.max", "-5 0\n"}},
     INFINITY,
     INFINITY},
};

static void plant(const char *root, const File *f) {
    Path path = path_of("%s/%s", root, f->path), folder = path;
    Error e = {0};
    *strrchr(folder.s, '/') = 0;
    check(folder_make(folder.s, &e), &e);
    write_text(path.s, f->text);
}

static void the_tightest_limit_is_seen(void **state) {
    for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
        Path root = path_of("%s/%zu", ((Path *)*state)->s, i);
        for (const File *f = trees[i].files; f->path; f++) plant(root.s, f);
        CgroupLimits seen = cgroup_limits(root.s);
        if (seen.memory != trees[i].memory || seen.cores != trees[i].cores)
            fail_msg("tree %zu: %g bytes, %g cores", i, seen.memory, seen.cores);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_tightest_limit_is_seen, setup_folder, teardown_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
