# model/instruments/secondary_sinks.c
# model/instruments_heads
# a mass of exactly 0.3 is a secondary sink
s/imp\[k\] > 0.3/imp[k] >= 0.3/
