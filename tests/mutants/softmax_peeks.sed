# model/ops/attention.c
# model/attention
# the causal mask is off by one
s/key <= b->to\[i\]/key <= b->to[i] + 1/
