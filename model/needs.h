/* Owns: which instructions this program was compiled to use, as data, so that a file compiled for any CPU
 * (train/start.c) can ask for them before one of them runs. */
#ifndef SINKLAB_NEEDS_H
#define SINKLAB_NEEDS_H

#include <stdbool.h>

typedef struct Needs {
    bool avx, avx2, fma, bmi2, avx512f, avx512bw, avx512dq, avx512vl, avx512vbmi, avx512vnni;
} Needs;

extern const Needs program_needs;

#endif
