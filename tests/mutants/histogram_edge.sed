# model/instruments/mass_histogram.c
# model/instruments_heads
# a mass on an edge counts as above
s/mass > (b + 1)/mass >= (b + 1)/
