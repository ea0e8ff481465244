#include "model/useful_threads.h"

#include "model/kernels/gemm.h"
#include "model/kernels/gemm_bf16.h"
#include "model/linear.h"
#include "model/ops/strips.h"

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Tokens of a product: the classifier takes a chunk of rows at a time. */
static int64_t tokens_of(LinearKind kind, int rows, int T) {
    return (kind == LINEAR_HEAD ? least(rows, model_chunk_rows(T)) : rows) * (int64_t)T;
}

static int64_t product_pieces(const Model *m, int rows, int T, bool bf16, int phase) {
    LinearKind kind = (LinearKind)(phase / LINEAR_PASSES);
    Linear l = linear_of(m, kind, 0);
    int64_t n = tokens_of(kind, rows, T);
    const int64_t shapes[LINEAR_PASSES][2] = {
        [LINEAR_FORWARD] = {n, l.out}, [LINEAR_DX] = {n, l.in}, [LINEAR_DW] = {l.out, l.in}};
    const int64_t *shape = shapes[phase % LINEAR_PASSES];
    return (bf16 ? gemm_bf16_pieces : gemm_pieces)(shape[0], shape[1]);
}

int64_t useful_pieces(const Model *m, int rows, int T, bool bf16, int phase) {
    const ModelConfig *c = &m->config;
    const int64_t others[PHASES] = {[PHASE_ATTENTION_FORWARD] = rows * (int64_t)config_kv_heads(c),
                                    [PHASE_ATTENTION_BACKWARD] = rows * (int64_t)config_kv_heads(c),
                                    [PHASE_POSITION] = (int64_t)rows * T,
                                    [PHASE_NORM] = strips_count(rows, T),
                                    [PHASE_ACTIVATION] = (int64_t)rows * T,
                                    [PHASE_LOSS] = tokens_of(LINEAR_HEAD, rows, T)};
    return phase < PHASE_ATTENTION_FORWARD ? product_pieces(m, rows, T, bf16, phase) : others[phase];
}

/* FLOPs of a phase of products or attention; other phases are left out. */
static double flops_of(const Model *m, int rows, int T, int phase) {
    const ModelConfig *c = &m->config;
    double N = (double)rows * T, scores = N * (T + 1) / 2 * (double)c->width * (double)c->layers;
    if (phase == PHASE_ATTENTION_FORWARD) return 4 * scores;
    if (phase == PHASE_ATTENTION_BACKWARD) return 8 * scores;
    if (phase > PHASE_ATTENTION_FORWARD) return 0;
    LinearKind kind = (LinearKind)(phase / LINEAR_PASSES);
    Linear l = linear_of(m, kind, 0);
    return 2 * N * (double)(l.in * l.out) * (kind == LINEAR_HEAD ? 1 : (double)c->layers);
}

enum { PHASES_CUT = PHASE_ATTENTION_BACKWARD + 1 };

/* Time of `threads` threads, in FLOPs of one, were the pieces of a phase alike. */
static double time_of(const double flops[PHASES_CUT], const int64_t pieces[PHASES_CUT], int threads) {
    double time = 0;
    for (int phase = 0; phase < PHASES_CUT; phase++)
        time += flops[phase] * (double)((pieces[phase] + threads - 1) / threads) / (double)pieces[phase];
    return time;
}

int useful_threads(const Model *m, int rows, int T, bool bf16) {
    enum { MANY = 1024 };
    double flops[PHASES_CUT], all = 0;
    int64_t pieces[PHASES_CUT];
    int most = 1;
    for (int phase = 0; phase < PHASES_CUT; phase++) {
        flops[phase] = flops_of(m, rows, T, phase);
        pieces[phase] = useful_pieces(m, rows, T, bf16, phase);
        all += flops[phase];
    }
    for (int threads = 1; threads <= MANY; threads++)
        if (time_of(flops, pieces, threads) * threads <= 2 * all) most = threads;
    return most;
}
