# model/ops/attention.c
# model/attention
# dQ lacks the scale
s/\(p\.dQ, p\.dhp, s->T, s->dh,\) scale/\1 1/
