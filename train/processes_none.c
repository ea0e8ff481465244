/* ./sinklab, which needs no MPI. */
#include "train/processes.h"

#include <stdlib.h>

bool processes_open(Processes *p, Error *e) {
    (void)e;
    *p = (Processes){.size = 1};
    return true;
}

void processes_close(Processes *p) {
    (void)p;
}

void processes_abort(const Processes *p, int code) {
    (void)p;
    exit(code);
}

void processes_sum(Processes *p, float *x, size_t n) {
    (void)p, (void)x, (void)n;
}

void processes_gather(Processes *p, void *x, size_t bytes) {
    (void)p, (void)x, (void)bytes;
}

void processes_tell(Processes *p, void *x, size_t bytes) {
    (void)p, (void)x, (void)bytes;
}
