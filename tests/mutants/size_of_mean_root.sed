# model/instruments/write_sizes.c
# model/instruments_heads
# sizes are without their root
s/sqrt(cells_mean(c, l, 0, i))/cells_mean(c, l, 0, i)/
