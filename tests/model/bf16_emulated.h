/* Owns: a kernel of the bf16 product in plain C whose tile is Intel's AMX by the word of the manual (Software
 * Developer's Manual, TDPBF16PS): what the kernel of a CPU with AMX must agree with bit for bit, and what the
 * loops over tiles are tested with on a CPU without. Does not own: the tests. */
#ifndef SINKLAB_TESTS_BF16_EMULATED_H
#define SINKLAB_TESTS_BF16_EMULATED_H

#include "model/kernels/bf16_kernel.h"

extern const Bf16Kernel bf16_emulated;

#endif
