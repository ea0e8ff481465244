/* Owns: what the control groups of this process leave it of the machine: memory and time of its cores, as
 * cgroups v1 and v2 say (Linux, Documentation/admin-guide/cgroup-v1, cgroup-v2.rst). A container's limits are
 * those. Does not own: the machine (train/host.h). */
#ifndef SINKLAB_CGROUP_H
#define SINKLAB_CGROUP_H

/* The tightest limit of the process's group and of those that it lies in; INFINITY: none is seen. */
typedef struct CgroupLimits {
    double memory; /* bytes */
    double cores;  /* seconds of CPU time a second */
} CgroupLimits;

/* Reads them below `root`: "" for this machine. */
CgroupLimits cgroup_limits(const char *root);

#endif
