# model/instruments/sink_kind.c
# model/instruments_heads
# the stable rank is of what W_O reads
s/(double)y\[t \* ld + i\] \* M\[i \* dh + j\]/(double)y[t * ld + i] * (i == j)/
