# model/tape.c
# model/bits
# sums are cut by the rows in flight
s/(rows < t->rows ? rows : t->rows)/t->rows/
