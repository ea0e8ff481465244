#include "data/base/process.h"

#include "data/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

static int spawn(pid_t *pid, const char *const argv[], const char *folder, const char *log) {
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions); /* each takes memory */
    if (failed) return failed;
    failed = posix_spawn_file_actions_addchdir_np(&actions, folder);
    if (!failed) failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (!failed)
        failed = posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (!failed) failed = posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (!failed) failed = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

/* The line to show of a failed program's log; cuts the log into lines. */
static const char *telling_line(Bytes *log) {
    const char *last = "no output",
               *telling = NULL, *const signs[] = {"E: ", "rror", "Internal", "bad_alloc"};
    char *rest = log->data;
    for (char *line; (line = strsep(&rest, "\r\n"));) {
        if (!*line || strstr(line, "Program terminated")) continue;
        last = line;
        for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
            if (strstr(line, signs[i])) telling = line;
    }
    return telling ? telling : last;
}

/* Says `how` a program ended, and the line of its log that tells why. */
static bool fail_log(const char *program, const char *how, const char *folder, const char *log, Error *e) {
    Bytes text = {0};
    Error unread = {0};
    if (file_read(path_of("%s/%s", folder, log).s, &text, &unread) && text.size &&
        bytes_append(&text, "", 1, &unread))
        fail(e, EXIT_FAILED, "%s: %s: %.700s", program, how, telling_line(&text));
    else
        fail(e, EXIT_FAILED, "%s: %s: no output (%s)", program, how, folder_lacks_room(folder));
    bytes_free(&text);
    return false;
}

/* A terminal's signals reach both of us, and were meant for us. The kernel kills whoever takes the last
 * memory. */
static bool fail_signal(const char *program, int signal, const char *folder, const char *log, Error *e) {
    if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP)
        return fail(e, 128 + signal, "%s: killed: signal %d", program, signal);
    if (signal == SIGKILL)
        return fail(e, EXIT_FAILED, "%s: killed: signal 9 (did the machine run out of memory?)", program);
    return fail_log(program, path_of("killed by a signal (%s)", strsignal(signal)).s, folder, log, e);
}

bool process_start(Process *p, const char *const argv[], const char *folder, const char *log,
                   const char *package, Error *e) {
    pid_t pid;
    int failed = spawn(&pid, argv, folder, log);
    *p = (Process){0};
    if (failed == ENOENT)
        return fail(e, EXIT_USAGE, "%s: not installed: this needs it (apt-get install %s)", argv[0], package);
    if (failed) return fail(e, EXIT_FAILED, "%s: cannot be started: %s", argv[0], strerror(failed));
    *p = (Process){pid, argv[0], folder, log};
    return true;
}

bool process_end(Process *p, Error *e) {
    int status = 0;
    pid_t pid = p->pid;
    p->pid = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return fail(e, EXIT_FAILED, "%s: lost: %s", p->program, strerror(errno));
    if (WIFSIGNALED(status)) return fail_signal(p->program, WTERMSIG(status), p->folder, p->log, e);
    return WEXITSTATUS(status) == 0 ? true : fail_log(p->program, "failed", p->folder, p->log, e);
}

bool process_run(const char *const argv[], const char *folder, const char *log, const char *package,
                 Error *e) {
    Process p;
    return process_start(&p, argv, folder, log, package, e) && process_end(&p, e);
}
