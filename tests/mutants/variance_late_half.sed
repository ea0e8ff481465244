# model/instruments/out_variance.c
# model/instruments_model
# late variance is over all positions
s/int half = s->T \/ 2/int half = 0/
