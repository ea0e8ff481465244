# model/ops/attention.c
# model/attention
# dQ lacks the scale
s/\(unpack_maps(dq, x, x->p\.dQ,\) x->scale/\1 1/
