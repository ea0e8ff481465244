#include "model/timing.h"

#include <omp.h>

static const struct {
    const char *name;
    WorkUnit unit;
} table[PHASES] = {
    {"qkv forward", WORK_FLOPS},
    {"qkv dX", WORK_FLOPS},
    {"qkv dW", WORK_FLOPS},
    {"out forward", WORK_FLOPS},
    {"out dX", WORK_FLOPS},
    {"out dW", WORK_FLOPS},
    {"mlp in forward", WORK_FLOPS},
    {"mlp in dX", WORK_FLOPS},
    {"mlp in dW", WORK_FLOPS},
    {"mlp down forward", WORK_FLOPS},
    {"mlp down dX", WORK_FLOPS},
    {"mlp down dW", WORK_FLOPS},
    {"classifier forward", WORK_FLOPS},
    {"classifier dX", WORK_FLOPS},
    {"classifier dW", WORK_FLOPS},
    [PHASE_ATTENTION_FORWARD] = {"attention forward", WORK_FLOPS},
    [PHASE_ATTENTION_BACKWARD] = {"attention backward", WORK_FLOPS},
    [PHASE_EMBED] = {"embedding", WORK_BYTES},
    [PHASE_POSITION] = {"position", WORK_BYTES},
    [PHASE_NORM] = {"norm", WORK_BYTES},
    [PHASE_HEAD_OUT] = {"head output", WORK_BYTES},
    [PHASE_ACTIVATION] = {"mlp activation", WORK_BYTES},
    [PHASE_RESIDUAL] = {"residual", WORK_BYTES},
    [PHASE_LOSS] = {"softmax and loss", WORK_BYTES},
    [PHASE_CAST] = {"weights to bf16", WORK_BYTES},
    [PHASE_OPTIMISER] = {"optimiser", WORK_BYTES},
    [PHASE_DATA] = {"data", WORK_NONE},
    [PHASE_INSTRUMENTS] = {"instruments", WORK_NONE},
    [PHASE_STORE] = {"store", WORK_NONE},
    [PHASE_OTHER] = {"the rest", WORK_NONE},
};

const char *phase_name(int phase) {
    return phase >= 0 && phase < PHASES ? table[phase].name : NULL;
}

WorkUnit phase_unit(int phase) {
    return table[phase].unit;
}

void phases_start(Phases *p) {
    *p = (Phases){.last = omp_get_wtime()};
}

void phases_add(Phases *p, int phase, Work work) {
    double now = omp_get_wtime();
    p->of[phase].seconds += now - p->last;
    p->of[phase].work.flops += work.flops;
    p->of[phase].work.bytes += work.bytes;
    p->last = now;
}
