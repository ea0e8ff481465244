/* Owns: how fast this machine can multiply and add, and move memory, measured now: the yardsticks that
 * "% of peak" is given against. Does not own: the yardstick of bf16 (model/kernels/gemm_bf16.h). */
#ifndef SINKLAB_PEAK_H
#define SINKLAB_PEAK_H

/* fp32 FLOP/s of `threads` threads in a loop of fused multiply-adds on sixteen independent
 * accumulators, the best of a few tries of some milliseconds each. */
double peak_flops(int threads);

/* Bytes a second that `threads` threads move to and from memory in a[i] = b[i] + s c[i] over arrays far
 * larger than the caches, the best of a few tries; 0 when there is no room for them. */
double peak_bytes(int threads);

#endif
