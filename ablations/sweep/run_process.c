#include "ablations/sweep/run_process.h"

#include "train/host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Keeps cores first .. first + n - 1 of those allowed; n = 0: all. */
static bool pin(int first, int n) {
    cpu_set_t allowed, ours;
    host_allowed(&allowed);
    CPU_ZERO(&ours);
    for (int cpu = 0, i = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed)) continue;
        if (!n || (i >= first && i < first + n)) CPU_SET(cpu, &ours);
        i++;
    }
    return sched_setaffinity(0, sizeof ours, &ours) == 0;
}

/* Redirects output to the end of a log, to which the process of another sweep may be writing, too. */
static bool redirect(const char *log) {
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    return fd >= 0 && dup2(fd, 1) == 1 && dup2(fd, 2) == 2;
}

/* Turns the child process into the program of a run. Returns only when that fails. */
static void exec_run(const RunCommand *spec, pid_t parent) {
    const char *argv[14] = {"sinklab", "train", spec->config, "--db", spec->db, "--cache", spec->cache};
    int n = 7;
    sigset_t none;
    if (spec->retry) argv[n++] = "--retry";
    if (spec->quiet) argv[n++] = "--quiet";
    if (spec->name) argv[n++] = "--name", argv[n++] = spec->name;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(EXIT_SIGTERM); /* the parent had died before prctl */
    if (spec->log && !redirect(spec->log)) return;
    if (!pin(spec->first_core, spec->cores)) return; /* OpenMP may have pinned the parent */
    if (spec->cores) {
        char threads[16];
        snprintf(threads, sizeof threads, "%d", spec->cores);
        if (setenv("OMP_NUM_THREADS", threads, 1)) return; /* of libraries too, not only of the run */
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv("/proc/self/exe", (char *const *)argv);
}

bool run_command_start(const RunCommand *spec, pid_t *pid, Error *e) {
    pid_t parent = getpid();
    fflush(NULL); /* or the child would write what waits once more */
    *pid = fork();
    if (*pid < 0) return fail(e, EXIT_FAILED, "sweep: cannot start a process: %s", strerror(errno));
    if (*pid == 0) {
        exec_run(spec, parent);
        fprintf(stderr, "sinklab: %s: cannot be started: %s\n", spec->config, strerror(errno));
        _exit(EXIT_FAILED);
    }
    return true;
}
