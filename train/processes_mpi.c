/* ./sinklab-mpi. Sums are made as in Rabenseifner's allreduce: each round halves what a process goes on
 * adding up, and the way back doubles what it knows. MPI_Reduce_scatter would add in an order of its own. */
#include "train/processes.h"

#include <mpi.h>
#include <omp.h>
#include <stdlib.h>

enum {
    PIECE = 1 << 19 /* floats of one message, which stay in the cache */,
    BYTES = 1 << 30 /* of what the first one tells at once */
};

static int part_of(int rank, int size) {
    int part = 0;
    for (int bit = 1; bit < size; bit *= 2) part = 2 * part + !!(rank & bit);
    return part;
}

bool processes_open(Processes *p, Error *e) {
    int given;
    *p = (Processes){.room = malloc(PIECE * sizeof *p->room)};
    if (!p->room || MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &given)) {
        free(p->room);
        return fail(e, EXIT_FAILED, "processes: MPI does not start");
    }
    MPI_Comm_rank(MPI_COMM_WORLD, &p->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &p->size);
    p->part = part_of(p->rank, p->size);
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

typedef struct Range {
    size_t low, high;
} Range;

static int piece(Range r, size_t at) {
    size_t left = r.low + at < r.high ? r.high - r.low - at : 0;
    return left < PIECE ? (int)left : PIECE;
}

/* x[out] goes to another process, whose numbers for x[in] are added there or stand there then. */
static void swap(Processes *p, int other, float *x, Range out, Range in, bool adds) {
    for (size_t at = 0; piece(out, at) || piece(in, at); at += PIECE) {
        int n = piece(in, at);
        float *to = x + in.low + at;
        MPI_Sendrecv(x + out.low + at, piece(out, at), MPI_FLOAT, other, 0, adds ? p->room : to, n, MPI_FLOAT,
                     other, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (adds) add(to, p->room, n);
    }
}

/* A round cuts the 2k parts that two processes still add up at the middle. One goes on with the lower half
 * and the block that it ends in, the other with the upper half: that block is added in both. */
void processes_sum(Processes *p, float *x, const size_t *cut, size_t grain) {
    double start = omp_get_wtime();
    Range r = {0, cut[p->size]};
    for (int bit = 1, k = p->size / 2; k; bit *= 2, k /= 2) {
        size_t middle = cut[(p->part & -(2 * k)) + k], end = (middle + grain - 1) / grain * grain;
        if (end > r.high) end = r.high;
        Range lower = {r.low, middle}, both = {middle, end}, upper = {end, r.high};
        bool low = !(p->rank & bit);
        swap(p, p->rank ^ bit, x, both, both, true);
        swap(p, p->rank ^ bit, x, low ? upper : lower, low ? lower : upper, true);
        r = low ? (Range){r.low, end} : (Range){middle, r.high};
    }
    p->seconds += omp_get_wtime() - start;
}

void processes_spread(Processes *p, float *x, const size_t *cut) {
    double start = omp_get_wtime();
    for (int bit = p->size / 2, k = 1; bit; bit /= 2, k *= 2) {
        int mine = p->part & -k, other = mine ^ k;
        swap(p, p->rank ^ bit, x, (Range){cut[mine], cut[mine + k]}, (Range){cut[other], cut[other + k]},
             false);
    }
    p->seconds += omp_get_wtime() - start;
}

/* Between the first process and each of the others, whose part it is. */
static void pass_parts(Processes *p, float *x, const size_t *cut, bool collect) {
    double start = omp_get_wtime();
    for (int rank = 1; rank < p->size; rank++) {
        int part = part_of(rank, p->size), other = p->rank ? 0 : rank;
        Range r = {cut[part], cut[part + 1]};
        if (p->rank && p->rank != rank) continue;
        bool sends = collect == (p->rank > 0);
        swap(p, other, x, sends ? r : (Range){0, 0}, sends ? (Range){0, 0} : r, false);
    }
    p->seconds += omp_get_wtime() - start;
}

void processes_collect(Processes *p, float *x, const size_t *cut) {
    pass_parts(p, x, cut, true);
}

void processes_deal(Processes *p, float *x, const size_t *cut) {
    pass_parts(p, x, cut, false);
}

void processes_join(Processes *p, double *x, size_t n) {
    double start = omp_get_wtime();
    MPI_Allreduce(MPI_IN_PLACE, x, (int)n, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
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
