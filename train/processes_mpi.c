/* ./sinklab-mpi. Sums are made as in Rabenseifner's allreduce: each round halves what a process goes on
 * adding up, and the way back doubles what it knows. MPI_Allreduce would add in an order of its own choice.
 */
#include "train/processes.h"

#include <mpi.h>
#include <omp.h>
#include <stdlib.h>

enum {
    PIECE = 1 << 20 /* floats of one sum, which stay in the cache */,
    BYTES = 1 << 30 /* of one message */,
    ROUNDS = 31
};

bool processes_open(Processes *p, Error *e) {
    int given;
    *p = (Processes){.room = malloc(PIECE / 2 * sizeof *p->room)};
    if (!p->room || MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given)) {
        free(p->room);
        return fail(e, EXIT_FAILED, "processes: MPI does not start");
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &p->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &p->size);
    return true;
}

void processes_close(Processes *p) {
    MPI_Finalize();
    free(p->room);
}

void processes_abort(const Processes *p, int code) {
    (void)p;
    MPI_Abort(MPI_COMM_WORLD, code);
    exit(code);
}

static void add(float *x, const float *y, int64_t n) {
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < n; i++) x[i] += y[i];
}

/* What a process keeps adding up after a round, [low, high), of the range before it, and the half that the
 * other adds. */
typedef struct Half {
    int low, high, other_low, other_high, other;
} Half;

static Half half_of(const Processes *p, int round, int low, int high) {
    int middle = low + (high - low) / 2, other = p->rank ^ 1 << round;
    return p->rank < other ? (Half){low, middle, middle, high, other}
                           : (Half){middle, high, low, middle, other};
}

static void sum_piece(Processes *p, float *x, int n) {
    Half half[ROUNDS];
    int rounds = 0, low = 0, high = n;
    for (; 1 << rounds < p->size; rounds++) {
        Half h = half[rounds] = half_of(p, rounds, low, high);
        MPI_Sendrecv(x + h.other_low, h.other_high - h.other_low, MPI_FLOAT, h.other, 0, p->room,
                     h.high - h.low, MPI_FLOAT, h.other, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        add(x + h.low, p->room, h.high - h.low);
        low = h.low;
        high = h.high;
    }
    while (rounds--) {
        const Half *h = &half[rounds];
        MPI_Sendrecv(x + h->low, h->high - h->low, MPI_FLOAT, h->other, 0, x + h->other_low,
                     h->other_high - h->other_low, MPI_FLOAT, h->other, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    }
}

void processes_sum(Processes *p, float *x, size_t n) {
    double start = omp_get_wtime();
    for (size_t at = 0; p->size > 1 && at < n; at += PIECE)
        sum_piece(p, x + at, (int)(n - at < PIECE ? n - at : PIECE));
    p->seconds += omp_get_wtime() - start;
}

void processes_gather(Processes *p, void *x, size_t bytes) {
    double start = omp_get_wtime();
    MPI_Allgather(MPI_IN_PLACE, 0, MPI_BYTE, x, (int)bytes, MPI_BYTE, MPI_COMM_WORLD);
    p->seconds += omp_get_wtime() - start;
}

void processes_tell(Processes *p, void *x, size_t bytes) {
    double start = omp_get_wtime();
    for (size_t at = 0; at < bytes; at += BYTES)
        MPI_Bcast((char *)x + at, (int)(bytes - at < BYTES ? bytes - at : BYTES), MPI_BYTE, 0,
                  MPI_COMM_WORLD);
    p->seconds += omp_get_wtime() - start;
}
