#include "train/signals.h"

#include <signal.h>

/* A handler may touch nothing else. */
static volatile sig_atomic_t stopped;

static void note(int signal) {
    stopped = signal;
}

void signals_watch(void) {
    struct sigaction action = {.sa_handler = note};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, 0);
    sigaction(SIGTERM, &action, 0);
}

int signals_stopped(void) {
    return stopped;
}
