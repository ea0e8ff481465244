# model/instruments/gradient_sink.c
# model/gradient_sink
# gradient sink: the mean of the others is over all positions
s|rest / (v->T - firsts)|rest / v->T|
