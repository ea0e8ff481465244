#include "train/signals.h"

#include <signal.h>
#include <stddef.h>

/* A handler may touch nothing else. */
static volatile sig_atomic_t stopped;

static void note(int signal) {
    stopped = signal;
}

const int signals_to_stop[SIGNALS_TO_STOP] = {SIGINT, SIGTERM, SIGHUP};

/* Ignored since before the program: by nohup, or by a shell that put it in the background. */
bool signals_ignored(int signal) {
    struct sigaction before;
    return !sigaction(signal, NULL, &before) && before.sa_handler == SIG_IGN;
}

void signals_watch(void) {
    struct sigaction action = {.sa_handler = note};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNALS_TO_STOP; i++)
        if (!signals_ignored(signals_to_stop[i])) sigaction(signals_to_stop[i], &action, NULL);
}

void signals_as_errors(void) {
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

int signals_stopped(void) {
    return stopped;
}
