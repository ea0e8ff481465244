# model/instruments/residual_sink.c
# model/instruments_heads
# the gain is of the norm that stood before the layer
s/last ? -1 : l + 1, last/last ? -1 : l, last/
