# model/instruments/dominance.c
# model/instruments_model
# DomRatio is over the sum, not the mean
s/sum_abs(x, d) \/ d/sum_abs(x, d)/
