/* ./sinklab, which needs no MPI. */
#include "ablations/bench/processes.h"

bool processes_open(Processes **out, int *rank, Error *e) {
    (void)out, (void)rank;
    return fail(e, EXIT_USAGE,
                "bench: --mpi: this program is built without MPI (make sinklab-mpi, then mpirun -n 2 "
                "./sinklab-mpi bench --mpi)");
}

void processes_close(Processes *p) {
    (void)p;
}

bool processes_agree(Processes *p, bool ok, Error *e) {
    (void)p, (void)e;
    return ok;
}

bool processes_show(Processes *p, const char *name, const Config *c, int steps, bool json, Error *e) {
    (void)p, (void)name, (void)c, (void)steps, (void)json;
    return fail(e, EXIT_FAILED, "bench: --mpi: no processes");
}
