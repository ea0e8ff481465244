/* Owns: where the time of a step goes: seconds and work of each phase, as laps of one clock, so that
 * the phases of a step add up to the step. Asked for by a pointer in the tape; without it a phase costs one
 * test of a pointer. Does not own: what the figures are compared with (train/bench.c). */
#ifndef SINKLAB_TIMING_H
#define SINKLAB_TIMING_H

#include <stddef.h>

/* The linear layers of a model; each has three products. */
typedef enum LinearKind {
    LINEAR_QKV,
    LINEAR_OUT,
    LINEAR_MLP_IN,
    LINEAR_MLP_DOWN,
    LINEAR_HEAD,
    LINEARS
} LinearKind;
typedef enum LinearPass { LINEAR_FORWARD, LINEAR_DX, LINEAR_DW, LINEAR_PASSES } LinearPass;

typedef enum Phase {
    PHASE_LINEAR, /* + LINEAR_PASSES kind + pass */
    PHASE_ATTENTION_FORWARD = PHASE_LINEAR + LINEARS * LINEAR_PASSES,
    PHASE_ATTENTION_BACKWARD,
    PHASE_EMBED,
    PHASE_POSITION, /* with the q/k transform */
    PHASE_NORM,
    PHASE_HEAD_OUT,
    PHASE_ACTIVATION,
    PHASE_RESIDUAL,
    PHASE_LOSS,
    PHASE_CAST, /* weights to bf16, once a step */
    PHASE_OPTIMISER,
    PHASE_DATA,
    PHASE_INSTRUMENTS,
    PHASE_STORE, /* the step's rows of results.db */
    PHASE_OTHER,
    PHASES
} Phase;

/* The resource that a phase is bound by. */
typedef enum WorkUnit { WORK_NONE, WORK_FLOPS, WORK_BYTES } WorkUnit;

/* FLOPs (an exponential counts as the 13 of its polynomial) and bytes to and from memory, were every array
 * read and written once and nothing found in a cache. */
typedef struct Work {
    double flops, bytes;
} Work;

typedef struct Phases {
    double last; /* when the phase under way began */
    struct {
        double seconds;
        Work work;
    } of[PHASES];
} Phases;

/* "qkv forward", "norm"; NULL past the end. */
const char *phase_name(int phase);
WorkUnit phase_unit(int phase);

/* Forgets everything; the first phase begins now. */
void phases_start(Phases *p);
void phases_add(Phases *p, int phase, Work work);

/* The time since the last phase ended went to `phase`, which did that much work. */
static inline void phase_end(Phases *p, int phase, Work work) {
    if (p) phases_add(p, phase, work);
}

#endif
