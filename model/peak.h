/* Owns: how fast this machine can multiply and add, measured now: the yardstick that "% of peak"
 * is given against. */
#ifndef SINKLAB_PEAK_H
#define SINKLAB_PEAK_H

/* fp32 FLOP/s of `threads` threads in a loop of fused multiply-adds on sixteen independent
 * accumulators, the best of a few tries of some milliseconds each. */
double peak_flops(int threads);

#endif
